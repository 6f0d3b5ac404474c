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
    @OptionGroup var log: LogOptions

    @Option(help: "HOST:PORT at which Prometheus gets the metrics, http://HOST:PORT/metrics; nowhere when not given.")
    var metrics: String?

    @Flag(help: "Serve --metrics beyond this host, too: whoever reaches the port can read them.")
    var insecureMetrics = false

    func run() throws {
        allowDescriptors()
        let logger = log.makeLogger("anabranch.coordinator")
        let coordinator = try options.makeCoordinator(watchDescriptor: nil, log: logger) { settings in
            settings.metrics = metrics
            settings.allowInsecureMetrics = insecureMetrics
        }
        let signals = Signals([
            SIGTERM: { _ in coordinator.stop() },
            SIGINT: { _ in coordinator.stop() },
        ])
        defer { signals.cancel() }
        // Not print: a pipe or a file would get it only when the coordinator ends.
        var text = "address \(coordinator.address)\nstore   \(coordinator.storePath)\n"
        if let metrics = coordinator.metricsAddress { text += "metrics http://\(metrics)/metrics\n" }
        FileHandle.standardOutput.write(Data(text.utf8))
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
