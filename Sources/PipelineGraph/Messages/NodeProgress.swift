public struct NodeProgress: Hashable, Sendable {
    /// Nil: the run's own splitter.
    public var node: NodeIndex?
    /// Known so far; `isOpen` while more may come.
    public var planned: UInt64
    public var isOpen: Bool
    public var running: UInt64
    public var succeeded: UInt64
    public var failed: UInt64
    public var skipped: UInt64

    public init(
        node: NodeIndex?, planned: UInt64 = 0, isOpen: Bool = false, running: UInt64 = 0, succeeded: UInt64 = 0,
        failed: UInt64 = 0, skipped: UInt64 = 0
    ) {
        self.node = node
        self.planned = planned
        self.isOpen = isOpen
        self.running = running
        self.succeeded = succeeded
        self.failed = failed
        self.skipped = skipped
    }
}
