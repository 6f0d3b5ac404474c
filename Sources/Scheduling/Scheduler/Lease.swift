import AnabranchCore

/// An attempt that a worker has, or may have. It counts against the worker's slots whatever its phase.
struct Lease: Hashable, Sendable {
    enum Phase: UInt8, Hashable, Sendable {
        /// The task's current attempt. Leaves by its end, by lapsing, by recall, by cancel, by the worker's loss.
        case held
        /// The worker was asked to give it back because another worker is idle. Leaves as `held` does, and back to
        /// `held` when the worker tells that it has started it or still has it.
        case recalled
        /// The worker fell silent; the task has gone back to the queue or run elsewhere. Leaves by adoption (`held`),
        /// by its end, by a heartbeat that does not list it, by the worker's loss.
        case lapsed
        /// The task has ended, the worker was told to drop the attempt. Leaves by its end, by a heartbeat that does not
        /// list it, by the worker's loss.
        case cancelling

        /// Whether the attempt is its task's current one.
        var isCurrent: Bool { self == .held || self == .recalled }
    }

    var phase: Phase
    /// Order of dispatch, which is the order of the worker's queue.
    let sequence: UInt64
    let dispatchedAt: Instant
    /// The worker has told that it began.
    var hasStarted = false
    /// Slots of the worker that it takes.
    let slots: UInt32
    /// It waits for what it submitted itself, and its slots are others' meanwhile.
    var isWaiting = false
    /// It waits for another attempt of the same worker, and holds no slot before that has ended.
    var isAhead = false
    /// It was sent ahead of its time: that it comes back untouched says nothing of the worker.
    var wasAhead = false
    /// Microseconds it was expected to take when it was sent, nil when it was taken for long.
    let expected: UInt64?
    /// The latest heartbeat of the worker that listed it.
    var listedBy: UInt64 = 0

    /// Slots that it takes now.
    var heldSlots: UInt32 { isWaiting || isAhead ? 0 : slots }
    /// Microseconds that it takes of the slots' time, nil when that is not known to be little.
    var heldMicroseconds: UInt64? { isWaiting || isAhead ? 0 : expected }

    mutating func start() {
        hasStarted = true
        if phase == .recalled { phase = .held }
    }
}
