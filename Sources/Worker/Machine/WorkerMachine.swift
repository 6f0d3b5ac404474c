import AnabranchCore
import DequeModule

/// What the worker decides: which slot runs what, when a runtime is started or killed, what is answered.
///
/// Pure: the shell (`Worker`) feeds events and performs effects. All tasks wait in one queue that the slots share, so that
/// no task waits behind another while a slot is idle.
public struct WorkerMachine: Sendable {
    /// A runtime that works on its first task for longer than this loses what it has not begun to an idle slot, and is asked
    /// for what it has done.
    static let stealAfterMicroseconds: UInt64 = 20_000
    /// Starts of a runtime that may fail in a row before its tasks do.
    static let startAttempts = 2
    /// Before a slot whose runtime failed to start tries again.
    static let startPauseMicroseconds: UInt64 = 250_000
    /// How long a runtime that is one too many is kept idle.
    static let retireAfterMicroseconds: UInt64 = 10_000_000

    /// Places to run a task: `capacity`, and one more for each task that waits for what it submitted itself.
    var slots: [WorkerSlot]
    /// Tasks of one slot that run at a time.
    let capacity: Int
    /// Tasks that may wait at a time for what they submitted: each keeps a process.
    let mostWaiting: Int
    /// What was reported last.
    var toldWaiting: [Attempt] = []
    var queue = TaskQueue()
    var heldBack = HeldBackTasks()
    /// Tasks that were in a runtime when it died, where it could not be told which of them it was running. They run with
    /// nothing before or behind them in their runtime: the one that kills it once more is the one.
    var suspects: Set<Attempt> = []
    var isDraining = false
    private var hasLeft = false
    /// A task with an estimator has come.
    private var hasEstimators = false
    /// Cores that one slot stands for.
    let threadsPerSlot: Int
    let host: String
    /// How the runtime is started, for messages.
    let runtimeName: String
    /// A runtime that has not said hello after this is killed.
    let startLimitMicroseconds: UInt64

    public init(
        slots: Int, threadsPerSlot: Int = 1, host: String, runtimeName: String = "python -m anabranch.runtime",
        mostWaiting: Int = 64, startLimitSeconds: Double = 60
    ) {
        precondition(slots > 0 && threadsPerSlot > 0)
        self.threadsPerSlot = threadsPerSlot
        capacity = slots
        self.mostWaiting = mostWaiting
        self.slots = Array(repeating: WorkerSlot(), count: slots)
        self.host = host
        self.runtimeName = runtimeName
        startLimitMicroseconds = UInt64(startLimitSeconds * 1_000_000)
    }

    public mutating func handle(_ event: WorkerEvent, at now: Moment, effects: inout [WorkerEffect]) {
        let before = effects.count
        switch event {
        case .tasksArrived(let tasks):
            if isDraining {
                effects.append(.report(tasks.map { cancelled($0.attempt, "the worker is leaving") }))
            } else {
                if !hasEstimators && tasks.contains(where: \.work.usesEstimators) {
                    hasEstimators = true
                    effects.append(.loadEstimators)
                }
                queue.append(contentsOf: admit(tasks, effects: &effects))
            }
        case .cancelRequested(let attempts): cancel(attempts, effects: &effects)
        case .drainRequested: drain(effects: &effects)
        case .epochEnded: forgetAll(effects: &effects)
        case .runtimeReady(let slot): slots[slot.rawValue].becameReady()
        case .runtimeBegan(let slot, let task): slots[slot.rawValue].began(task, at: now)
        case .runtimeWithdrew(let slot, let begun): withdrew(slot, begun: begun, at: now, effects: &effects)
        case .runtimeAnswered(let slot, let results): answered(slot, results, at: now, effects: &effects)
        case .runtimeWaits(let slot, let attempt): beganToWait(slot, attempt, at: now, effects: &effects)
        case .runtimeResumed(let slot, let attempt):
            if slots[slot.rawValue].waiting == attempt { slots[slot.rawValue].waiting = nil }
        case .runtimeExited(let slot, let exit): exited(slot, exit, at: now, effects: &effects)
        case .runtimeUnstartable(let slot, let reason):
            slots[slot.rawValue].runtime = .absent
            startFailed(slot, reason, tail: "", at: now, effects: &effects)
        case .nativeFinished(let slot, let results): nativeFinished(slot, results, effects: &effects)
        case .tick: break
        }
        for case .report(let results) in Array(effects[before...]) { follow(results, effects: &effects) }
        enforceDeadlines(at: now, effects: &effects)
        openSlots()
        assign(at: now, effects: &effects)
        steal(at: now, effects: &effects)
        askForAnswers(at: now, effects: &effects)
        retire(at: now, effects: &effects)
        tellWaiting(effects: &effects)
        if isDraining && !hasLeft && queue.isEmpty && slots.allSatisfy(\.isIdle) {
            hasLeft = true
            effects.append(.leave)
        }
    }

    /// Every attempt that is here, queued or running.
    public var attempts: [Attempt] {
        queue.map(\.attempt) + heldBack.attempts
            + slots.flatMap { slot in
                slot.python.filter { $0.withdrawal != .settled }.map(\.task.attempt)
                    + (slot.nativeIsForgotten ? [] : slot.native.map(\.attempt))
            }
    }

    /// Slots that could begin something: neither do they run anything nor are they taken by a task of several cores that
    /// runs on another. So all tasks together never have more threads than the worker has cores, but for the moment in
    /// which one that waited goes on: then this is below 0.
    public var idleSlots: Int { slots.reduce(capacity) { $0 - ($1.isWaiting ? 0 : $1.task.map(width) ?? 0) } }

    /// Slots that the task takes.
    func width(_ task: TaskAssignment) -> Int {
        guard let threads = task.limits.threads else { return 1 }
        return min(capacity, max(1, (Int(threads) + threadsPerSlot - 1) / threadsPerSlot))
    }

    /// When a tick is wanted next; what lies before `now` has been seen to.
    public func nextDeadline(after now: Moment) -> Moment? {
        let pythonWaits = queue.pythonCount > 0
        var next: Moment?
        for i in slots.indices {
            for candidate in slots[i].deadlines(pythonWaits: pythonWaits, startLimit: startLimitMicroseconds)
            where candidate > now {
                next = min(next ?? candidate, candidate)
            }
        }
        return next
    }
}

extension Work {
    var isNative: Bool {
        if case .native = self { true } else { false }
    }

    var usesEstimators: Bool {
        switch self {
        case .fit, .apply, .combine, .split: true
        case .call, .native: false
        }
    }
}
