import AnabranchCore
import ArgumentParser
import Foundation
import Presentation
import Wire

struct LogsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Print what a run's tasks wrote to their standard output and error.",
        discussion: """
            Each line stands behind the task, the node and the worker that it is from.
            Example: anabranch logs 3 boost --address tcp://127.0.0.1:7700
            """)

    @Argument(help: "The run's id.")
    var runID: UInt64

    @Argument(help: "Only this node's tasks.")
    var node: String = ""

    @OptionGroup var coordinator: AddressOptions

    @Flag(help: "Print one JSON document on standard output, and nothing else there.")
    var json = false

    func run() throws {
        let answer = try coordinator.ask(.logs(LogsRequest(run: RunID(runID), node: node)))
        guard case .logs(let lines) = answer else {
            throw CommandFailure(.wrongRequest, "the coordinator answered something else than logs")
        }
        let report = LogsReport(run: runID, lines)
        if json { return print(try report.json()) }
        for line in report.lines {
            let stream = line.isError ? FileHandle.standardError : FileHandle.standardOutput
            stream.write(Foundation.Data("\(line.text)\n".utf8))
        }
    }
}
