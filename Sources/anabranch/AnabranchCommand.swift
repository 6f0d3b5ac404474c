import ArgumentParser
import Foundation

/// The command line. Exit status: 0 all keys succeeded; 1 the run finished with failed keys; 2 the request was wrong; 3 no
/// coordinator or no worker; 130 interrupted.
@main
struct AnabranchCommand: ParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "anabranch",
        abstract: "Runs scikit-learn pipelines as AND/OR graphs over a pool of workers.",
        discussion: """
            Every flag has a twin in the environment: --address is ANABRANCH_ADDRESS, --inline-threshold is
            ANABRANCH_INLINE_THRESHOLD. A flag on the command line wins.

            Example: anabranch run pipeline.py:graph --data flights.csv --target late --cv 5
            """,
        version: version,
        groupedSubcommands: [
            CommandGroup(name: "Pipelines", subcommands: [RunCommand.self, SubmitCommand.self, GraphCommand.self]),
            CommandGroup(
                name: "Runs",
                subcommands: [
                    StatusCommand.self, TopCommand.self, LogsCommand.self, ResultsCommand.self, ExportCommand.self,
                    CancelCommand.self,
                ]),
            CommandGroup(
                name: "Cluster",
                subcommands: [CoordinatorCommand.self, WorkerCommand.self, DrainCommand.self, KeygenCommand.self]),
            CommandGroup(name: "Machine", subcommands: [DoctorCommand.self, PoolCommand.self]),
        ])

    static func main() {
        InterruptSignal.endProcess()
        let arguments = EnvironmentTwins.extend(
            Array(CommandLine.arguments.dropFirst()), environment: ProcessInfo.processInfo.environment)
        do {
            var command = try parseAsRoot(arguments)
            try command.run()
        } catch let failure as CommandFailure {
            FileHandle.standardError.write(Data("anabranch: \(failure.message)\n".utf8))
            Foundation.exit(failure.status.rawValue)
        } catch {
            let text = fullMessage(for: error)
            let code = exitCode(for: error)
            if code == .success {
                print(text)
                Foundation.exit(0)
            }
            if !text.isEmpty { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
            Foundation.exit(code == .validationFailure ? ExitStatus.wrongRequest.rawValue : code.rawValue)
        }
    }
}

/// What the process's exit status says.
enum ExitStatus: Int32 {
    case failedKeys = 1
    case wrongRequest = 2
    case unreachable = 3
    case interrupted = 130
}

/// Ends a command with one line on standard error.
struct CommandFailure: Error {
    let status: ExitStatus
    let message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }
}
