import AnabranchCore

public struct LogsRequest: Hashable, Sendable {
    public var run: RunID
    /// Empty: of every node.
    public var node: String

    public init(run: RunID, node: String = "") {
        self.run = run
        self.node = node
    }
}
