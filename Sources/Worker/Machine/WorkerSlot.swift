import AnabranchCore
import DequeModule

/// A task that has been handed to a slot's runtime.
struct Committed: Hashable, Sendable {
    /// Why the runtime was asked to give the task back unless it has begun it. Until it is certain that it does not run
    /// here, it is here: no other slot gets it, and nothing is said of it.
    enum Withdrawal: Hashable, Sendable {
        /// Another slot is idle. Goes to the queue.
        case moving
        /// Nobody wants it. Is answered as cancelled, and killed where it has begun.
        case cancelling
        /// The coordinator gets it back.
        case returning
        /// It certainly does not run here, and what was to become of it has been done: only the runtime's own word of it
        /// is still to come.
        case settled
    }

    var task: TaskAssignment
    var withdrawal: Withdrawal?
}

/// One slot: a Python runtime that may or may not have been started, and what it has to do.
struct WorkerSlot: Sendable {
    enum Runtime: Hashable, Sendable {
        /// No process. Exit: `starting`, when a Python task is there.
        case absent
        /// Its process was started, it has not said hello. Exits: `ready`, `unresponsive` (too late), `absent` (it died or
        /// could not be started).
        case starting(since: Moment)
        /// Killed by us because it did not say hello; its exit is awaited. Exit: `absent`.
        case unresponsive
        /// It takes tasks. Exits: `dying` (we killed it), `absent` (it died by itself).
        case ready
        /// Killed by us because of this attempt; its exit is awaited. Exit: `absent`.
        case dying(FailureKind, Attempt)
        /// Killed by us, with tasks of an epoch that has ended or as one too many; its exit is awaited. Exit: `absent`.
        case forgotten
    }

    var runtime = Runtime.absent
    /// What the runtime has, in its order: it runs the first one, or one of those behind it while answers of short tasks
    /// are kept back.
    var python: Deque<Committed> = []
    /// What the native thread has.
    var native: [TaskAssignment] = []
    /// What it has is of an epoch that has ended; it answers all of it at once, and then it is free.
    var nativeIsForgotten = false
    /// When the task that runs began, as far as can be seen from here.
    var runningSince = Moment(microseconds: 0)
    /// The task that the runtime was seen to have begun last; nil while none was seen.
    private(set) var begun: TaskID?
    /// The task during which the runtime was asked for the answers that it keeps back.
    var asked: TaskID?
    /// Moving average of compute time; nil while nothing has been measured.
    var averageMicroseconds: UInt64?
    /// The task that last began to wait for what it submitted, and has not gone on.
    var waiting: Attempt?
    /// Since when its runtime is one too many.
    var idleSince: Moment?
    var failedStarts = 0
    var restartNotBefore = Moment(microseconds: 0)

    /// Where in `python` the task stands that the runtime is running; nil when it cannot be told.
    var runningPlace: Int? {
        if python.count == 1 { return python.startIndex }
        return begun.flatMap { task in python.firstIndex { $0.task.attempt.task == task } }
    }

    mutating func began(_ task: TaskID, at now: Moment) {
        if begun != task { runningSince = now }
        begun = task
    }

    /// The next one begins where the one that was running has been answered.
    mutating func ended(_ task: TaskID, at now: Moment) {
        if begun == nil || begun == task { runningSince = now }
    }

    /// Its task waits, and what it waits for may run in another slot.
    var isWaiting: Bool {
        guard let waiting, runtime == .ready else { return false }
        return python.contains { $0.task.attempt == waiting && $0.withdrawal != .settled }
    }

    var isIdle: Bool { python.isEmpty && native.isEmpty }

    /// What it runs, or the first of what it has.
    var task: TaskAssignment? { python.first?.task ?? native.first }

    mutating func becameReady() {
        // A hello that crossed with the kill comes from a process that is gone.
        if runtime == .unresponsive || runtime == .forgotten { return }
        runtime = .ready
        begun = nil
        asked = nil
        waiting = nil
        failedStarts = 0
    }

    mutating func measured(_ stated: UInt64) {
        // A runtime's frames are written by a process that runs users' code.
        let microseconds = min(stated, 1 << 40)
        averageMicroseconds = averageMicroseconds.map { ($0 * 3 + microseconds) / 4 } ?? microseconds
    }

    /// How many tasks may be handed over at once: more than one only while they are measured in fractions of a
    /// millisecond, so that what is handed over is about two milliseconds of work.
    var window: Int {
        guard let averageMicroseconds else { return 1 }
        if averageMicroseconds > 1_000 { return 1 }
        return min(128, max(1, Int(2_000 / max(averageMicroseconds, 1))))
    }

    /// When something is to be decided about this slot though nothing happens.
    func deadlines(pythonWaits: Bool, startLimit: UInt64) -> [Moment] {
        switch runtime {
        case .absent: return pythonWaits ? [restartNotBefore] : []
        case .starting(let since):
            return [since.advanced(byMicroseconds: startLimit)]
        case .unresponsive, .dying, .forgotten: return []
        case .ready:
            if let idleSince { return [idleSince.advanced(byMicroseconds: WorkerMachine.retireAfterMicroseconds)] }
            guard let place = runningPlace ?? python.indices.first else { return [] }
            var moments: [Moment] = []
            if let timeout = python[place].task.limits.timeoutMicroseconds {
                moments.append(runningSince.advanced(byMicroseconds: timeout))
            }
            if python.count > 1 {
                moments.append(runningSince.advanced(byMicroseconds: WorkerMachine.stealAfterMicroseconds))
            }
            return moments
        }
    }
}

extension Limits {
    /// Far enough away for what is too large to count.
    var timeoutMicroseconds: UInt64? { timeoutMilliseconds.map { min($0, 1 << 40) * 1_000 } }
}
