import AnabranchCore
import ArgumentParser

struct CancelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancel a run: what is queued is dropped, what runs is killed.",
        discussion: "Example: anabranch cancel 3 --address tcp://127.0.0.1:7700")

    @Argument(help: "The run's id.")
    var runID: UInt64

    @OptionGroup var coordinator: AddressOptions

    func run() throws {
        _ = try coordinator.ask(.cancelRun(RunID(runID)))
        print("run \(runID) is cancelled")
    }
}
