import AnabranchCore
import ArgumentParser
import Presentation

struct CancelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancel a run: what is queued is dropped, what runs is killed.",
        discussion: "Example: anabranch cancel 3 --address tcp://127.0.0.1:7700")

    @Argument(help: "The run's id.")
    var runID: UInt64

    @OptionGroup var coordinator: AddressOptions

    @Flag(help: "Print one JSON document on standard output, and nothing else there.")
    var json = false

    private struct Done: Encodable {
        let run: UInt64
        var cancelled = true
        /// How it had ended before; left out when it was cancelled.
        var state: String?
    }

    func run() throws {
        let run = RunID(runID)
        guard case .status(let status) = try coordinator.ask(.status(run)) else {
            throw CommandFailure(.wrongRequest, "the coordinator answered something else than its status")
        }
        if let ended = status.runs.first(where: { $0.run == run && $0.state.isFinal && $0.state != .cancelled }) {
            let done = Done(run: runID, cancelled: false, state: "\(ended.state)")
            return print(
                json ? try JSONDocument.text(done) : "run \(runID) had ended before: \(ended.state)")
        }
        _ = try coordinator.ask(.cancelRun(run))
        print(json ? try JSONDocument.text(Done(run: runID)) : "run \(runID) is cancelled")
    }
}
