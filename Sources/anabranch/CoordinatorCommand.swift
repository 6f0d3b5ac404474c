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
            Workers join with: anabranch worker --address tcp://127.0.0.1:7700
            Beyond this host it needs keys: anabranch keygen keys; anabranch coordinator --bind tcp://0.0.0.0:7700 --key \
            keys/coordinator.key
            """)

    @OptionGroup var options: CoordinatorOptions

    func run() throws {
        allowDescriptors()
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

    /// As many connections as the system lets this process have; it starts no programs that would inherit the number.
    private func allowDescriptors() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
