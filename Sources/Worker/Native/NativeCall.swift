import AnabranchCore

/// What a native function is given.
public struct NativeCall: Sendable {
    public let work: NativeWork
    public let key: Key
    /// Name of the node, for messages.
    public let node: String

    public init(work: NativeWork, key: Key = .empty, node: String = "") {
        self.work = work
        self.key = key
        self.node = node
    }
}
