/// Bounds of the scheduler machine. Times are microseconds.
public struct SchedulerConfiguration: Hashable, Sendable {
    /// A worker that is not heard for this long is silent and what it was leased goes elsewhere. It is also how old a
    /// dispatch must be before a heartbeat that does not list it proves that it was lost on the way.
    public var leaseMicroseconds: UInt64
    /// How often a worker sends a heartbeat; a worker that refuses work is offered none for this long.
    public var heartbeatMicroseconds: UInt64
    /// Work queued at a worker behind its slots, per slot. A task that takes longer is never queued there.
    public var prefetchMicroseconds: UInt64
    /// Tasks queued at a worker behind its slots, per slot.
    public var maxPrefetch: Int
    /// Tasks sent ahead behind one task, each waiting for the one before it.
    public var maxAhead: Int
    /// Attempts in one message.
    public var maxBatch: Int

    public init(
        leaseMicroseconds: UInt64 = 10_000_000, heartbeatMicroseconds: UInt64 = 1_000_000,
        prefetchMicroseconds: UInt64 = 5_000, maxPrefetch: Int = 256, maxAhead: Int = 64,
        maxBatch: Int = 64
    ) {
        precondition(leaseMicroseconds > 0 && heartbeatMicroseconds > 0, "lease and heartbeat take time")
        precondition(maxPrefetch >= 0 && maxBatch > 0, "a message holds an attempt")
        self.leaseMicroseconds = leaseMicroseconds
        self.heartbeatMicroseconds = heartbeatMicroseconds
        self.prefetchMicroseconds = prefetchMicroseconds
        self.maxPrefetch = maxPrefetch
        self.maxAhead = maxAhead
        self.maxBatch = maxBatch
    }
}
