import AnabranchCore
import Foundation
import Logging
import ObjectStore
import Wire

/// A worker: takes tasks from its lane, runs them on its slots, answers into the coordinator's inbox.
///
/// The shell around `WorkerMachine`: one loop on the thread that calls `run` polls the sockets, the runtimes' descriptors and the
/// native threads, turns what it reads into events, and performs the machine's effects. Nothing sleeps and nothing polls in vain.
public final class Worker {
    enum Token: Hashable, Sendable {
        case control, connection, lane, native, stop, watch, forkServer, forkServerOutput
        case socket(SlotIndex)
        case output(SlotIndex)
        case errors(SlotIndex)
        case exit(SlotIndex)
        case leftover(pid_t)
    }

    let configuration: WorkerConfiguration
    let coordination: Coordination
    let log: Logger
    let nativeDone: Wakeup
    let native: NativeThreads
    var machine: WorkerMachine
    let runtimes: Runtimes
    /// What native functions read and write; nil until the first is called, and where the store cannot be written to.
    var nativeStore: NativeStore?
    var poller = Poller<Token>()
    var answer = Answer()
    /// When what is here was read off the lane.
    var received: [Attempt: Moment] = [:]
    var hasLeft = false
    /// Of a worker that was told to leave. Nil: it takes the time that its tasks take.
    var drainDeadline: Moment?
    var nextHeartbeat = Moment(microseconds: 0)
    /// By slot.
    var watchedRuntimes: [RuntimeProcess.Descriptors] = []
    var watchedLeftovers: Set<pid_t> = []

    /// Ends the worker from elsewhere.
    public let stop: StopSignal

    /// - Throws: `WorkerFailure`, or `WireError` when the lane cannot be bound or the address is none.
    public convenience init(
        _ configuration: WorkerConfiguration, log: Logger = Logger(label: "anabranch.worker")
    ) throws {
        try self.init(configuration, stop: StopSignal(), log: log)
    }

    init(_ configuration: WorkerConfiguration, stop: StopSignal, log: Logger) throws {
        self.configuration = configuration
        self.log = log
        coordination = try Coordination(configuration)
        machine = WorkerMachine(
            slots: configuration.slots, threadsPerSlot: configuration.threads, host: coordination.host,
            runtimeName: "\(configuration.python) -m anabranch.runtime", mostWaiting: configuration.mostWaiting,
            startLimitSeconds: configuration.startSeconds)
        self.stop = stop
        let done = try Wakeup()
        nativeDone = done
        runtimes = Runtimes(configuration, store: coordination.store, log: log)
        native = NativeThreads(configuration.functions, host: coordination.host) { done.signal() }
    }

    /// Runs until drained, stopped, or left by its owner.
    ///
    /// - Throws: `WorkerFailure` when no coordinator answers in time, it refuses, or it falls silent for too long.
    public func run() throws {
        defer {
            native.stop()
            runtimes.killAll()
        }
        poller.watch(coordination.control, as: .control)
        poller.watch(coordination.connection.events, as: .connection)
        poller.watch(coordination.lane, as: .lane)
        poller.watch(descriptor: nativeDone.descriptor, as: .native)
        poller.watch(descriptor: stop.wakeup.descriptor, as: .stop)
        if let descriptor = configuration.watchDescriptor { poller.watch(descriptor: descriptor, as: .watch) }
        guard try awaitWelcome() else { return }
        log.info(
            "joined",
            metadata: [
                "worker": coordination.welcome.map { .stringConvertible($0.worker.rawValue) } ?? "",
                "slots": .stringConvertible(configuration.slots),
                "store": "\(coordination.store)",
            ])
        while !hasLeft {
            let ready = try poller.wait(milliseconds: waitingTime())
            if try !serve(ready) { return }
            if coordination.silence(at: MonotonicClock.now) > UInt64(configuration.silenceSeconds * 1_000_000) {
                throw WorkerFailure.coordinatorLost(
                    address: configuration.address, seconds: configuration.silenceSeconds)
            }
        }
        try flush()
        try coordination.sayGoodbye()
    }

    /// False when told to end before anybody answered.
    private func awaitWelcome() throws -> Bool {
        let deadline = MonotonicClock.now.advanced(byMicroseconds: UInt64(configuration.welcomeSeconds * 1_000_000))
        while coordination.welcome == nil {
            let now = MonotonicClock.now
            guard now < deadline else {
                throw WorkerFailure.noCoordinator(coordination.noAnswer(within: configuration.welcomeSeconds))
            }
            let next = min(try coordination.greet(at: now, writers: []), deadline)
            for token in try poller.wait(milliseconds: next.milliseconds(after: now)) {
                switch token {
                case .control:
                    for case .refused(let error) in try coordination.readControl() {
                        throw WorkerFailure.refused(address: configuration.address, error)
                    }
                case .connection:
                    try coordination.readConnection()
                    if coordination.obstacle?.isFinal == true {
                        throw WorkerFailure.noCoordinator(coordination.noAnswer(within: configuration.welcomeSeconds))
                    }
                case .stop, .watch: return false
                default: break
                }
            }
        }
        return true
    }
}
