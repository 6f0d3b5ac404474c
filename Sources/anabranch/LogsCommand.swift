import AnabranchCore
import ArgumentParser
import Foundation
import Wire

struct LogsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Print what a run's tasks wrote to their standard output and error.",
        discussion: "Example: anabranch logs 3 boost --address tcp://127.0.0.1:7700")

    @Argument(help: "The run's id.")
    var runID: UInt64

    @Argument(help: "Only this node's tasks.")
    var node: String = ""

    @OptionGroup var coordinator: AddressOptions

    func run() throws {
        let answer = try coordinator.ask(.logs(LogsRequest(run: RunID(runID), node: node)))
        guard case .logs(let lines) = answer else {
            throw CommandFailure(.wrongRequest, "the coordinator answered something else than logs")
        }
        for line in lines {
            let stream = line.isErrorStream ? FileHandle.standardError : FileHandle.standardOutput
            stream.write(Foundation.Data(line.text.utf8))
        }
    }
}
