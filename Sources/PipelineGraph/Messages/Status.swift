import AnabranchCore

/// The whole of a coordinator, as `anabranch status` shows it.
public struct Status: Hashable, Sendable {
    public var epoch: Epoch
    public var workers: [WorkerStatus]
    public var runs: [RunStatus]
    public var storeBytes: UInt64
    public var storeBudget: UInt64
    public var objects: UInt64
    /// Messages that did not decode, were doubled, late or of another epoch.
    public var droppedMessages: UInt64
    public var version: String
    /// Tasks that are ready and with no worker.
    public var queued: UInt64
    /// The biggest, largest first.
    public var storeHolders: [StoreHolder]

    public init(
        epoch: Epoch, workers: [WorkerStatus] = [], runs: [RunStatus] = [], storeBytes: UInt64 = 0,
        storeBudget: UInt64 = 0, objects: UInt64 = 0, droppedMessages: UInt64 = 0, version: String = "",
        queued: UInt64 = 0, storeHolders: [StoreHolder] = []
    ) {
        self.epoch = epoch
        self.workers = workers
        self.runs = runs
        self.storeBytes = storeBytes
        self.storeBudget = storeBudget
        self.objects = objects
        self.droppedMessages = droppedMessages
        self.version = version
        self.queued = queued
        self.storeHolders = storeHolders
    }
}
