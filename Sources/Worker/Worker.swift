import AnabranchCore
import Foundation
import Logging
import ObjectStore
import Synchronization
import Wire

/// A worker: takes tasks from its lane, runs them on its slots, answers into the coordinator's inbox.
///
/// The shell around `WorkerMachine`: one loop on the thread that calls `run` polls the sockets, the runtimes' descriptors and the
/// native threads, turns what it reads into events, and performs the machine's effects. Nothing sleeps and nothing polls in vain.
public final class Worker {
    private enum Token: Hashable, Sendable {
        case control, lane, native, stop, watch
        case socket(SlotIndex)
        case output(SlotIndex)
        case errors(SlotIndex)
        case exit(SlotIndex)
    }

    private let configuration: WorkerConfiguration
    private let coordination: Coordination
    private let log: Logger
    private let nativeDone: Wakeup
    private let native: NativeThreads
    private let stopping: StopSignal
    private var machine: WorkerMachine
    private var runtimes: Runtimes!
    /// What native functions read and write; nil until the first is called, and where the store cannot be written to.
    private var nativeStore: NativeStore?
    private var poller = Poller<Token>()
    private var answer = Answer()
    private var hasLeft = false
    private var nextHeartbeat = Moment(microseconds: 0)

    /// What the next result batch will hold.
    private struct Answer {
        var results: [TaskResult] = []
        var released: [HeldReleased] = []
        var opened: [WriterID] = []
        var closed: [WriterID] = []
        var logs: [SlotLog] = []
        var started: [Attempt] = []

        var isEmpty: Bool {
            results.isEmpty && released.isEmpty && opened.isEmpty && closed.isEmpty && logs.isEmpty && started.isEmpty
        }
    }

    /// Asks a worker to end, from any thread or signal source.
    public final class StopSignal: Sendable {
        fileprivate let wakeup: Wakeup
        fileprivate let drains = Atomic<Bool>(false)
        fileprivate let ends = Atomic<Bool>(false)

        fileprivate init() throws { wakeup = try Wakeup() }

        /// No new tasks; what runs is finished, the queue is given back.
        public func drain() {
            drains.store(true, ordering: .releasing)
            wakeup.signal()
        }

        /// Kills what runs.
        public func end() {
            ends.store(true, ordering: .releasing)
            wakeup.signal()
        }
    }

    public var stop: StopSignal { stopping }

    /// - Throws: `WorkerFailure`, or `WireError` when the lane cannot be bound or the address is none.
    public init(_ configuration: WorkerConfiguration, log: Logger = Logger(label: "anabranch.worker")) throws {
        self.configuration = configuration
        self.log = log
        coordination = try Coordination(configuration)
        machine = WorkerMachine(
            slots: configuration.slots, host: coordination.host,
            runtimeName: "\(configuration.python) -m anabranch.runtime")
        stopping = try StopSignal()
        let done = try Wakeup()
        nativeDone = done
        native = NativeThreads(configuration.functions, host: coordination.host) { done.signal() }
    }

    /// Runs until drained, stopped, or left by its owner.
    ///
    /// - Throws: `WorkerFailure` when no coordinator answers in time, it refuses, or it falls silent for too long.
    public func run() throws {
        defer {
            native.stop()
            runtimes?.killAll()
        }
        poller.watch(coordination.control, as: .control)
        poller.watch(coordination.lane, as: .lane)
        poller.watch(descriptor: nativeDone.descriptor, as: .native)
        poller.watch(descriptor: stopping.wakeup.descriptor, as: .stop)
        if let descriptor = configuration.watchDescriptor { poller.watch(descriptor: descriptor, as: .watch) }
        guard try awaitWelcome() else { return }
        makeRuntimes()
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

    // MARK: - Beginning

    /// False when told to end before anybody answered.
    private func awaitWelcome() throws -> Bool {
        let deadline = MonotonicClock.now.advanced(byMicroseconds: UInt64(configuration.welcomeSeconds * 1_000_000))
        while coordination.welcome == nil {
            let now = MonotonicClock.now
            guard now < deadline else {
                throw WorkerFailure.noCoordinator(address: configuration.address, seconds: configuration.welcomeSeconds)
            }
            let next = min(try coordination.greet(at: now, writers: []), deadline)
            for (token, _) in try poller.wait(milliseconds: milliseconds(until: next, from: now)) {
                switch token {
                case .control:
                    for case .refused(let reason) in try coordination.readControl() {
                        throw WorkerFailure.refused(address: configuration.address, reason: reason)
                    }
                case .stop, .watch: return false
                default: break
                }
            }
        }
        return true
    }

    private func makeRuntimes() {
        guard let welcome = coordination.welcome else { return }
        let configuration = configuration
        let store = coordination.store
        runtimes = Runtimes(configuration) { writer, slot in
            RuntimeSetup(
                storePath: store, writer: writer, slot: UInt32(slot.rawValue), threads: UInt32(configuration.threads),
                inlineThreshold: welcome.inlineThreshold, storeBudget: welcome.storeBudget,
                systemPath: configuration.systemPath, workingDirectory: configuration.workingDirectory)
        }
        log.info(
            "joined", metadata: ["worker": "\(welcome.worker)", "slots": "\(configuration.slots)", "store": "\(store)"])
    }

    private func openNativeStore() {
        guard let welcome = coordination.welcome else { return }
        do {
            let writer = WriterID(UInt64.random(in: 1...UInt64(Int64.max)))
            let store = try NativeStore(
                directory: coordination.store, writer: writer, inlineThreshold: Int(clamping: welcome.inlineThreshold),
                budget: welcome.storeBudget)
            native.use(store)
            nativeStore = store
            answer.opened.append(writer)
        } catch {
            log.error("native functions have no store", metadata: ["reason": "\(error)"])
        }
    }

    // MARK: - The loop

    private func waitingTime() -> Int? {
        let now = MonotonicClock.now
        var next = nextHeartbeat
        if let deadline = machine.nextDeadline(after: now) { next = min(next, deadline) }
        return milliseconds(until: next, from: now)
    }

    private func milliseconds(until moment: Moment, from now: Moment) -> Int {
        Int((moment.microseconds(since: now) + 999) / 1_000)
    }

    /// One turn: everything that is ready, then one answer. False when the worker is to end at once.
    private func serve(_ ready: [(token: Token, readiness: Readiness)]) throws -> Bool {
        var notices = Runtimes.Notices()
        for (token, _) in ready {
            switch token {
            case .control:
                for reply in try coordination.readControl() {
                    switch reply {
                    case .welcomed(newEpoch: true):
                        handle(.epochEnded)
                        answer = Answer()
                    case .welcomed: break
                    case .refused(let reason):
                        throw WorkerFailure.refused(address: configuration.address, reason: reason)
                    }
                }
            case .lane: for batch in try coordination.readLane() { take(batch) }
            case .native:
                nativeDone.clear()
                for finished in native.takeFinished() { handle(.nativeFinished(finished.slot, finished.results)) }
            case .socket(let slot): runtimes.serve(slot, into: &notices)
            case .output(let slot), .errors(let slot): runtimes.serveOutput(slot, into: &notices)
            case .exit(let slot): runtimes.serveExit(slot, into: &notices)
            case .watch: return false
            case .stop:
                stopping.wakeup.clear()
                if stopping.ends.load(ordering: .acquiring) { return false }
                if stopping.drains.load(ordering: .acquiring) { handle(.drainRequested) }
            }
        }
        answer.released += notices.released
        answer.logs += notices.logs
        answer.closed += notices.closedWriters
        for event in notices.events { handle(event) }
        handle(.tick)
        watchRuntimes()
        try flush()
        return true
    }

    private func take(_ batch: TaskBatch) {
        if !batch.releases.isEmpty {
            let others = runtimes.release(batch.releases)
            nativeStore?.writer.release(others)
        }
        if !batch.cancels.isEmpty { handle(.cancelRequested(batch.cancels)) }
        if !batch.tasks.isEmpty { handle(.tasksArrived(batch.tasks)) }
        if batch.drain { handle(.drainRequested) }
    }

    private func handle(_ event: WorkerEvent) {
        var effects: [WorkerEffect] = []
        machine.handle(event, at: MonotonicClock.now, effects: &effects)
        for effect in effects { perform(effect) }
    }

    private func perform(_ effect: WorkerEffect) {
        switch effect {
        case .startRuntime(let slot):
            let (writer, event) = runtimes.start(slot)
            if let writer { answer.opened.append(writer) }
            if let event { handle(event) }
        case .send(let slot, let tasks):
            let refused = runtimes.send(slot, tasks)
            if !refused.isEmpty { handle(.runtimeAnswered(slot, refused)) }
        case .withdraw(let slot, let attempts): runtimes.withdraw(slot, attempts)
        case .runNative(let slot, let tasks):
            if nativeStore == nil { openNativeStore() }
            native.run(slot, tasks)
        case .killRuntime(let slot): runtimes.kill(slot)
        case .report(let results): answer.results += results
        case .reportStarted(let attempts): answer.started += attempts
        case .leave: hasLeft = true
        }
    }

    /// Watches the descriptors that are open now, for writing too where something waits to be written.
    private func watchRuntimes() {
        for index in 0..<configuration.slots {
            let slot = SlotIndex(index)
            let process = runtimes.processes[slot]
            watch(
                process?.socket, for: process?.wantsToWrite == true ? [.readable, .writable] : .readable,
                as: .socket(slot))
            watch(process?.output, for: .readable, as: .output(slot))
            watch(process?.errors, for: .readable, as: .errors(slot))
            watch(process?.exitDescriptor, for: .readable, as: .exit(slot))
        }
    }

    private func watch(_ descriptor: Int32?, for readiness: Readiness, as token: Token) {
        if let descriptor, descriptor >= 0 {
            poller.watch(descriptor: descriptor, for: readiness, as: token)
        } else {
            poller.forget(token)
        }
    }

    /// All that write for this worker now.
    private var writers: [WriterID] {
        runtimes.processes.values.map(\.writer) + (nativeStore.map { [$0.writer.writer] } ?? [])
    }

    // MARK: - Answering

    private func flush() throws {
        guard let welcome = coordination.welcome else { return }
        let now = MonotonicClock.now
        let beats = now >= nextHeartbeat
        guard beats || !answer.isEmpty else { return }
        if beats && coordination.isStoreAbandoned {
            throw WorkerFailure.coordinatorEnded(address: configuration.address)
        }
        var batch = ResultBatch(
            epoch: welcome.epoch, worker: welcome.worker, results: answer.results, released: answer.released,
            writersOpened: answer.opened, writersClosed: answer.closed, logs: answer.logs, started: answer.started)
        answer = Answer()
        if beats {
            nextHeartbeat = now.advanced(byMicroseconds: welcome.heartbeatMilliseconds * 1_000)
            batch.heartbeat = Heartbeat(
                running: machine.attempts, idleSlots: UInt32(machine.idleSlots),
                droppedMessages: coordination.droppedMessages)
            _ = try coordination.greet(at: now, writers: writers)
            nativeStore?.reader.sweep()
        }
        try coordination.send(batch)
    }
}
