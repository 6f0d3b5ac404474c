import AnabranchCore
import ArgumentParser
import Foundation
import Presentation

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show a coordinator's workers, runs and store.",
        discussion: "Example: anabranch status 3 --json --address tcp://127.0.0.1:7700")

    @Argument(help: "Only this run.")
    var runID: UInt64?

    @Option(help: "Exit with 3 unless a worker on this host is active: a health check.")
    var worker: String?

    @OptionGroup var coordinator: AddressOptions

    @Flag(help: "Print one JSON document on standard output, and nothing else there.")
    var json = false

    func run() throws {
        let answer = try coordinator.ask(.status(runID.map { RunID($0) }))
        guard case .status(let status) = answer else {
            throw CommandFailure(.wrongRequest, "the coordinator answered something else than its status")
        }
        let report = StatusReport(status)
        print(json ? try report.json() : report.text())
        if let worker, !status.workers.contains(where: { $0.host == worker && $0.state == .active }) {
            throw CommandFailure(.unreachable, "no active worker on host \(worker)")
        }
    }
}
