import AnabranchCore
import ArgumentParser
import Presentation

struct DrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Let a worker finish what it runs and leave.",
        discussion: "Example: anabranch drain 2 --address tcp://127.0.0.1:7700")

    @Argument(help: "The worker's number, as status shows it.")
    var worker: UInt64

    @OptionGroup var coordinator: AddressOptions

    @Flag(help: "Print one JSON document on standard output, and nothing else there.")
    var json = false

    private struct Done: Encodable {
        let worker: UInt64
        let draining = true
    }

    func run() throws {
        _ = try coordinator.ask(.drainWorker(WorkerID(worker)))
        print(
            json
                ? try JSONDocument.text(Done(worker: worker))
                : "worker \(worker) gets no new tasks and leaves when its own are done")
    }
}
