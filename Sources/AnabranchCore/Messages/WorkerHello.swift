public struct WorkerHello: Hashable, Sendable {
    /// Random per process start: tells a restart from a return.
    public var instance: UInt64
    /// Endpoint where its PULL is bound.
    public var lane: String
    public var slots: UInt32
    /// Cores of one slot.
    public var threadsPerSlot: UInt32
    public var host: String
    public var processID: UInt32
    /// Path of the store that it sees, and that store's identity.
    public var store: String
    public var storeIdentity: String
    /// The store is one of the worker's host, which does not share the coordinator's.
    public var hasOwnStore: Bool
    /// `native`, `python`, …
    public var executors: [String]
    /// `K=V`.
    public var labels: [String]
    public var versions: Versions
    public var writers: [WriterID]
    /// What it was called before, when it returns.
    public var worker: WorkerID?

    public init(
        instance: UInt64, lane: String, slots: UInt32, threadsPerSlot: UInt32 = 1, host: String, processID: UInt32,
        store: String, storeIdentity: String, hasOwnStore: Bool = false, executors: [String], labels: [String] = [],
        versions: Versions,
        writers: [WriterID] = [], worker: WorkerID? = nil
    ) {
        self.instance = instance
        self.lane = lane
        self.slots = slots
        self.threadsPerSlot = threadsPerSlot
        self.host = host
        self.processID = processID
        self.store = store
        self.storeIdentity = storeIdentity
        self.hasOwnStore = hasOwnStore
        self.executors = executors
        self.labels = labels
        self.versions = versions
        self.writers = writers
        self.worker = worker
    }
}
