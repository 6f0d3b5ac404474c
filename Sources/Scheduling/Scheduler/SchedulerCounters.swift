/// What the scheduler has seen since it was made.
public struct SchedulerCounters: Hashable, Sendable {
    /// Attempts sent to workers.
    public var dispatched: UInt64 = 0
    /// Attempts sent together with, or behind, the one that they wait for.
    public var sentAhead: UInt64 = 0
    /// Tasks whose effect has counted: completed, failed, failed as lost, cancelled.
    public var ended: UInt64 = 0
    /// Attempts given up because their worker, or their message, was lost.
    public var lost: UInt64 = 0
    /// Attempts taken back from one worker's queue because another was idle.
    public var recalled: UInt64 = 0
    /// Leases looked at for whether they should be taken back: what idle workers cost while others have much.
    public var inspected: UInt64 = 0
    /// Attempts thought lost that their worker turned out to have still.
    public var adopted: UInt64 = 0
    /// Results that were doubled, late or foreign.
    public var dropped: UInt64 = 0
    /// Messages of workers that are not known.
    public var unknownWorker: UInt64 = 0

    public init() {}
}
