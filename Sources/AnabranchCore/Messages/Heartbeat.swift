/// All that a worker has, so that the coordinator can renew leases and see what was lost on the way.
public struct Heartbeat: Hashable, Sendable {
    /// Running and queued.
    public var running: [Attempt]
    public var idleSlots: UInt32
    /// Messages dropped since the worker's start because they did not decode or were of another epoch.
    public var droppedMessages: UInt64
    /// Number of the task batch that came last, 0 before the first.
    public var lastBatch: UInt64

    public init(running: [Attempt], idleSlots: UInt32, droppedMessages: UInt64 = 0, lastBatch: UInt64 = 0) {
        self.running = running
        self.idleSlots = idleSlots
        self.droppedMessages = droppedMessages
        self.lastBatch = lastBatch
    }
}
