import AnabranchCore

public struct RunStatus: Hashable, Sendable {
    public var run: RunID
    public var name: String
    public var state: RunState
    public var progress: [NodeProgress]
    /// Names of the graph's nodes, by index.
    public var nodes: [String]
    public var startedUnixMilliseconds: UInt64
    /// Since its start, until now or its end.
    public var elapsedMilliseconds: UInt64
    public var isSession: Bool
    /// What ready tasks wait for that may never come, and what to do; empty otherwise.
    public var waiting: String

    public init(
        run: RunID, name: String, state: RunState, progress: [NodeProgress] = [], nodes: [String] = [],
        startedUnixMilliseconds: UInt64 = 0, elapsedMilliseconds: UInt64 = 0, isSession: Bool = false,
        waiting: String = ""
    ) {
        self.run = run
        self.name = name
        self.state = state
        self.progress = progress
        self.nodes = nodes
        self.startedUnixMilliseconds = startedUnixMilliseconds
        self.elapsedMilliseconds = elapsedMilliseconds
        self.isSession = isSession
        self.waiting = waiting
    }
}
