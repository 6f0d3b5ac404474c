/// Who needs so many bytes of the store: a run's node, a session or a client.
public struct StoreHolder: Hashable, Sendable {
    /// As people read it.
    public var name: String
    public var bytes: UInt64

    public init(name: String, bytes: UInt64) {
        self.name = name
        self.bytes = bytes
    }
}
