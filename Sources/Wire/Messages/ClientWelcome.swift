import AnabranchCore

public struct ClientWelcome: Hashable, Sendable {
    public var epoch: Epoch
    public var store: String
    public var storeIdentity: String
    /// Objects of at most this many bytes travel in messages.
    public var inlineThreshold: UInt64
    public var storeBudget: UInt64
    /// Endpoint of the coordinator's PUB.
    public var events: String
    public var versions: Versions

    public init(
        epoch: Epoch, store: String, storeIdentity: String, inlineThreshold: UInt64, storeBudget: UInt64,
        events: String, versions: Versions
    ) {
        self.epoch = epoch
        self.store = store
        self.storeIdentity = storeIdentity
        self.inlineThreshold = inlineThreshold
        self.storeBudget = storeBudget
        self.events = events
        self.versions = versions
    }
}
