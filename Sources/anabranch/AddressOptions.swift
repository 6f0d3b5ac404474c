import ArgumentParser

/// Where the coordinator is.
struct AddressOptions: ParsableArguments {
    @Option(help: "The coordinator's control endpoint: ipc:///…/control.sock or tcp://HOST:PORT.")
    var address: String?

    func required() throws -> String {
        guard let address else {
            throw CommandFailure(
                .unreachable,
                "no coordinator named: give --address or set ANABRANCH_ADDRESS (anabranch coordinator prints it)")
        }
        return address
    }
}
