import AnabranchCore
import DequeModule

/// A task that has been handed to a slot.
struct Committed: Hashable, Sendable {
    var task: TaskAssignment
    /// Given to another slot meanwhile: what this slot answers is not reported, unless it is a success that comes first.
    var isWithdrawn = false
}

/// One slot: a Python runtime that may or may not have been started, and what it has to do.
struct WorkerSlot: Sendable {
    enum Runtime: Hashable, Sendable {
        /// No process. Exit: `starting`, when a Python task is there.
        case absent
        /// Its process was started, it has not said hello. Exits: `ready`, `absent` (it died or could not be started).
        case starting
        /// It takes tasks. Exits: `dying` (we killed it), `absent` (it died by itself).
        case ready
        /// Killed by us because of its first task; its exit is awaited. Exit: `absent`.
        case dying(FailureKind)
    }

    var runtime = Runtime.absent
    /// What the runtime has, first the one that it runs.
    var python: Deque<Committed> = []
    /// What the native thread has.
    var native: [TaskAssignment] = []
    /// When the first of `python` began, as far as can be seen from here.
    var headSince = Moment(microseconds: 0)
    /// Moving average of compute time; nil while nothing has been measured.
    var averageMicroseconds: UInt64?
    var failedStarts = 0

    var isIdle: Bool { python.isEmpty && native.isEmpty }

    mutating func measured(_ microseconds: UInt64) {
        averageMicroseconds = averageMicroseconds.map { ($0 * 3 + microseconds) / 4 } ?? microseconds
    }

    /// How many tasks may be handed over at once: more than one only while they are measured in fractions of a
    /// millisecond, so that what is handed over is about two milliseconds of work.
    var window: Int {
        guard let averageMicroseconds else { return 1 }
        if averageMicroseconds > 1_000 { return 1 }
        return min(64, max(1, Int(2_000 / max(averageMicroseconds, 20))))
    }
}
