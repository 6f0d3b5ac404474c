import AnabranchCore

/// What an engine is told at its start and never changes.
public struct EngineConfiguration: Hashable, Sendable {
    public var epoch: Epoch
    /// The coordinator's own.
    public var versions: Versions
    /// Identity of the store; a worker that sees another one is refused, unless that is said to be its host's own.
    public var storeIdentity: String
    /// Path of the store, for messages.
    public var store: String
    /// Bytes that the store may take.
    public var storeBudget: UInt64
    public var scheduler: SchedulerConfiguration
    /// Attempts in all when workers are lost, unless the run says otherwise.
    public var maxAttempts: UInt32
    /// After this long without a word of an attempt that it was sent, a worker does not have it. Microseconds.
    public var leaseMicroseconds: UInt64
    /// Entries, or call results, that one message to a client carries at most.
    public var updateLimit: Int
    /// Shortest time between two published updates of a run that is under way. Microseconds.
    public var publishInterval: UInt64
    /// Bytes of the coordinator's store that one task's message brings to a worker that does not see it.
    public var carryLimit: UInt64
    /// Time of day, in microseconds since 1970, at the monotonic clock's zero.
    public var unixOffset: UInt64

    public init(
        epoch: Epoch, versions: Versions, storeIdentity: String = "", store: String = "", storeBudget: UInt64 = 0,
        scheduler: SchedulerConfiguration = SchedulerConfiguration(), maxAttempts: UInt32 = 10,
        leaseMicroseconds: UInt64 = 10_000_000, updateLimit: Int = 1000, publishInterval: UInt64 = 100_000,
        carryLimit: UInt64 = 1 << 20,
        unixOffset: UInt64 = 0
    ) {
        self.epoch = epoch
        self.versions = versions
        self.storeIdentity = storeIdentity
        self.store = store
        self.storeBudget = storeBudget
        self.scheduler = scheduler
        self.maxAttempts = maxAttempts
        self.leaseMicroseconds = leaseMicroseconds
        self.updateLimit = updateLimit
        self.publishInterval = publishInterval
        self.carryLimit = carryLimit
        self.unixOffset = unixOffset
    }
}
