import AnabranchCore
import ArgumentParser
import Foundation
import Logging
import Wire
import Worker

struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Run tasks for a coordinator until drained or stopped.",
        discussion: "Example: anabranch worker --slots 4 --address tcp://127.0.0.1:7700"
    )

    @OptionGroup var coordinator: AddressOptions
    @OptionGroup var log: LogOptions

    @Option(help: "Tasks at a time; as many as there are cores when not given.")
    var slots: Int?

    @Option(help: "The store's directory, where it stands elsewhere here than where the coordinator has it.")
    var store: String?

    @Flag(
        help: """
            This host does not share the coordinator's store: keep one of its own, or join that of the worker here which \
            --store names. Needs --lane tcp://HOST:PORT.
            """)
    var ownStore = false

    @Option(help: "K=V, shown by status; may be given several times.")
    var label: [String] = []

    @Option(help: "The interpreter of the runtimes.")
    var python: String?

    @Option(help: "Threads of BLAS, OpenMP and n_jobs per slot; cores / slots when not given.")
    var threadsPerSlot: Int?

    @Option(
        help:
            "Bytes that a runtime may allocate (suffixes K, M, G), mapped objects not counted; no ceiling when not given."
    )
    var memoryPerSlot: String?

    @Option(help: "Tasks that may wait at a time for tasks that they submitted themselves; each keeps a process.")
    var mostWaiting: Int = 64

    @Option(
        help: "Seconds that a runtime may take from its start until it is ready; then it is killed and another tried.")
    var startTimeout: Double = 60

    @Option(help: "Where the lane is bound, tcp://HOST:PORT; a socket in the store's directory when not given.")
    var lane: String?

    @Option(help: "Host by which the coordinator reaches a lane on every interface; this host's name when not given.")
    var advertise: String?

    @Flag(help: "Bind a lane beyond this host without keys: whoever reaches the port can run code.")
    var insecure = false

    @Option(help: "Seconds to wait for the coordinator's first answer.")
    var patience: Double = 30

    @Option(help: "Seconds to look for the next coordinator at a tcp address when the one there has ended; 0: leave.")
    var rejoin: Double = 300

    @Option(
        help: "Seconds to finish what runs when told to leave; then it is given to others. No limit when not given.")
    var drainTimeout: Double?

    @Option(
        help: """
            Where tasks run: local, in this worker's processes; ray, on the cluster of --ray-address; spark, those of nodes \
            with Spark stages alone, in a session that this worker keeps.
            """)
    var executor: TaskExecutor = .local

    @Option(help: "HOST:PORT of a Ray cluster that has a node on this host; for --executor ray.")
    var rayAddress: String?

    @OptionGroup var spark: SparkOptions

    @Option(help: .hidden)
    var watchFd: Int32?

    @Option(help: .hidden)
    var directory: String = ""

    @Option(help: "Directories, separated by colons, in which tasks find modules before the interpreter's own.")
    var sysPath: String = ""

    func validate() throws {
        if let slots, slots < 1 { throw ValidationError("--slots \(slots): at least 1 is needed") }
        if let threadsPerSlot, threadsPerSlot < 1 {
            throw ValidationError("--threads-per-slot \(threadsPerSlot): at least 1 is needed")
        }
        for (flag, seconds) in [("--patience", patience), ("--rejoin", rejoin), ("--drain-timeout", drainTimeout ?? 0)]
        where !(0...1e9).contains(seconds) {
            throw ValidationError("\(flag) \(seconds): seconds from 0 are needed")
        }
        if !(0.001...1e9).contains(startTimeout) {
            throw ValidationError("--start-timeout \(startTimeout): seconds above 0 are needed")
        }
        if mostWaiting < 0 { throw ValidationError("--most-waiting \(mostWaiting): 0 or more is needed") }
        if let memoryPerSlot, ByteCount(parsing: memoryPerSlot) == nil {
            throw ValidationError("--memory-per-slot \(memoryPerSlot): write bytes, or a number with K, M or G")
        }
        if (executor == .ray) != (rayAddress != nil) {
            throw ValidationError("--executor ray and --ray-address HOST:PORT go together")
        }
        if ownStore, lane?.hasPrefix("tcp://") != true {
            throw ValidationError("--own-store: the coordinator needs a lane that it can reach, --lane tcp://HOST:PORT")
        }
        for pair in label where !pair.contains("=") { throw ValidationError("--label \(pair): write K=V") }
    }

    func run() throws {
        let logger = quietWhenWatched(log.makeLogger("anabranch.worker"))
        let interpreter = try Interpreter.resolve(python)
        let clusterCPUs = try rayAddress.map { try RayCluster.cpuCount(at: $0, python: interpreter) }
        let keeper = try executor == .spark ? SparkKeeper.start(spark, python: interpreter) : nil
        defer { keeper?.stop() }
        let settings = WorkerConfiguration(
            address: try coordinator.required(),
            slots: slots ?? clusterCPUs ?? keeper.map { _ in SparkOptions.slots } ?? CoreCount.available,
            python: interpreter, store: store, hasOwnStore: ownStore, keys: try coordinator.keys(), lane: lane,
            advertisedHost: advertise, allowInsecure: insecure, labels: label + (keeper == nil ? [] : spark.labels),
            workingDirectory: directory,
            systemPath: sysPath.isEmpty ? [] : sysPath.components(separatedBy: ":"), threadsPerSlot: threadsPerSlot,
            memoryPerSlot: memoryPerSlot.flatMap { ByteCount(parsing: $0)?.bytes },
            mostWaiting: mostWaiting, startSeconds: startTimeout, watchDescriptor: watchFd, welcomeSeconds: patience,
            rejoinSeconds: rejoin, drainSeconds: drainTimeout, version: AnabranchCommand.version,
            rayAddress: rayAddress, sparkSocket: keeper?.socket
        )
        do {
            let worker = try StandingWorker(settings, log: logger)
            let stop = worker.stop
            let signals = Signals([
                // The first asks politely; a second one does not wait for what runs.
                SIGTERM: { $0 == 1 ? stop.drain() : stop.end() },
                SIGINT: { $0 == 1 ? stop.drain() : stop.end() },
            ])
            defer { signals.cancel() }
            try worker.run()
        } catch let failure as WorkerFailure {
            throw CommandFailure(.unreachable, failure.description)
        } catch let error as WireError {
            throw CommandFailure(.wrongRequest, "\(error)")
        }
    }

    /// An embedded worker says nothing that its user did not ask for.
    private func quietWhenWatched(_ logger: Logger) -> Logger {
        var logger = logger
        if watchFd != nil { logger.logLevel = .error }
        return logger
    }
}
