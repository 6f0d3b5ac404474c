import ArgumentParser
import Coordinator
import Foundation
import Logging

struct CoordinatorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinator",
        abstract: "Run a standing coordinator; it prints its address.",
        discussion: """
            Example: anabranch coordinator --bind tcp://127.0.0.1:7700
            Workers join with: anabranch worker --address tcp://127.0.0.1:7700 --store DIRECTORY
            """)

    @OptionGroup var options: CoordinatorOptions

    func run() throws {
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        let coordinator = try options.makeCoordinator(watchDescriptor: nil, log: Logger(label: "anabranch.coordinator"))
        let signals = Signals([
            SIGTERM: { _ in coordinator.stop() },
            SIGINT: { _ in coordinator.stop() },
        ])
        defer { signals.cancel() }
        // Not print: a pipe or a file would get it only when the coordinator ends.
        FileHandle.standardOutput.write(
            Data("address \(coordinator.address)\nstore   \(coordinator.storePath)\n".utf8))
        try coordinator.run()
    }
}
