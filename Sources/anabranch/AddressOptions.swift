import ArgumentParser
import Foundation
import Wire

/// Where the coordinator is.
struct AddressOptions: ParsableArguments {
    @Option(help: "The coordinator's control endpoint: ipc:///…/control.sock or tcp://HOST:PORT.")
    var address: String?

    @Option(help: "File with your own key, for a tcp coordinator with keys (`anabranch keygen`).")
    var key: String?

    @Option(help: "File with the coordinator's public key; coordinator.pub beside --key when not given.")
    var serverKey: String?

    func ask(_ body: ToCoordinator.Body) throws -> FromCoordinator.Body {
        guard let answer = try client().ask(body) else {
            throw CommandFailure(.unreachable, "the coordinator at \(try required()) was not asked")
        }
        return answer
    }

    func client() throws -> ControlClient {
        try ControlClient(address: required(), keys: keys())
    }

    /// What the address asks for: keys are for tcp. Programs that this one starts find the files in their environment.
    func keys() throws -> ClientKeys? {
        guard let key, let address, Endpoint(address)?.isTCP == true else { return nil }
        do throws(KeyFileError) {
            let keys = try ClientKeys(ownPath: absolute(key), serverPath: serverKey.map(absolute))
            setenv("ANABRANCH_KEY", keys.ownPath, 1)
            setenv("ANABRANCH_SERVER_KEY", keys.serverPath, 1)
            return keys
        } catch {
            throw CommandFailure(.wrongRequest, "\(error)")
        }
    }

    private func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }

    func required() throws -> String {
        guard let address else {
            throw CommandFailure(
                .unreachable,
                "no coordinator named: give --address or set ANABRANCH_ADDRESS (anabranch coordinator prints it)")
        }
        guard Endpoint(address) != nil else {
            throw CommandFailure(
                .wrongRequest,
                "--address \(address): no endpoint; write ipc:///PATH/control.sock or tcp://HOST:PORT")
        }
        return address
    }
}
