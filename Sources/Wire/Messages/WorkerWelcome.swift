import AnabranchCore

public struct WorkerWelcome: Hashable, Sendable {
    public var worker: WorkerID
    public var epoch: Epoch
    /// Endpoint of the coordinator's PULL.
    public var inbox: String
    public var store: String
    public var heartbeatMilliseconds: UInt64
    public var leaseMilliseconds: UInt64
    /// Objects of at most this many bytes travel in messages.
    public var inlineThreshold: UInt64
    public var storeBudget: UInt64

    public init(
        worker: WorkerID, epoch: Epoch, inbox: String, store: String, heartbeatMilliseconds: UInt64,
        leaseMilliseconds: UInt64, inlineThreshold: UInt64, storeBudget: UInt64
    ) {
        self.worker = worker
        self.epoch = epoch
        self.inbox = inbox
        self.store = store
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.leaseMilliseconds = leaseMilliseconds
        self.inlineThreshold = inlineThreshold
        self.storeBudget = storeBudget
    }
}
