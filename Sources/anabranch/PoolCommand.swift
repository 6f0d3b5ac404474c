import AnabranchCore
import ArgumentParser
import Coordinator
import Foundation
import Logging
import Worker

/// A coordinator with one worker, for as long as the process that holds the other end of `--watch-fd` lives.
///
/// What `anabranch run` and the Python package start. Prints one JSON line when it is ready, or one with `error`.
struct PoolCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pool", abstract: "An embedded coordinator and worker.", shouldDisplay: false)

    @OptionGroup var options: CoordinatorOptions

    @Option(help: "Tasks at a time; as many as there are cores when not given.")
    var slots: Int?

    @Option(help: "The interpreter of the runtimes.")
    var python: String?

    @Option(help: "Threads of BLAS, OpenMP and n_jobs per slot; cores / slots when not given.")
    var threadsPerSlot: Int?

    @Option(help: "Bytes that a runtime may allocate (suffixes K, M, G); no ceiling when not given.")
    var memoryPerSlot: String?

    @Option(help: "End of file on this descriptor ends the pool.")
    var watchFd: Int32?

    @Option(help: "Working directory of the runtimes.")
    var directory: String = ""

    func validate() throws {
        if let memoryPerSlot, ByteCount(parsing: memoryPerSlot) == nil {
            throw ValidationError("--memory-per-slot \(memoryPerSlot): write bytes, or a number with K, M or G")
        }
        if let slots, slots < 1 { throw ValidationError("--slots \(slots): at least 1 is needed") }
    }

    func run() throws {
        do {
            try serve()
        } catch let failure as CommandFailure {
            announce(["error": failure.message])
            throw failure
        }
    }

    private func serve() throws {
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        var log = Logger(label: "anabranch.pool")
        log.logLevel = .error
        // Ctrl-C reaches the whole foreground group; it is the client who decides what it means.
        signal(SIGINT, SIG_IGN)
        let interpreter = try Interpreter.resolve(python)
        let coordinator = try options.makeCoordinator(watchDescriptor: watchFd, log: log)
        let signals = Signals([SIGTERM: { _ in coordinator.stop() }])
        defer { signals.cancel() }
        let worker = WorkerChild(arguments: workerArguments(coordinator.address, interpreter: interpreter))
        defer { worker.stop() }
        try worker.start()
        announce(["address": coordinator.address, "store": coordinator.storePath, "pid": Int(getpid())])
        try coordinator.run()
    }

    private func workerArguments(_ address: String, interpreter: String) -> [String] {
        var arguments = ["worker", "--address", address, "--python", interpreter]
        if let slots { arguments += ["--slots", "\(slots)"] }
        if let threadsPerSlot { arguments += ["--threads-per-slot", "\(threadsPerSlot)"] }
        if let memoryPerSlot { arguments += ["--memory-per-slot", memoryPerSlot] }
        if !directory.isEmpty { arguments += ["--directory", directory] }
        return arguments
    }

    private func announce(_ line: [String: Any]) {
        let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
        guard var bytes = try? JSONSerialization.data(withJSONObject: line, options: options) else { return }
        bytes.append(UInt8(ascii: "\n"))
        FileHandle.standardOutput.write(bytes)
    }
}
