/// What a run was made of, for clients that did not submit it.
public struct RunDescription: Hashable, Sendable {
    public var graph: Graph
    public var mode: Mode

    public init(graph: Graph, mode: Mode) {
        self.graph = graph
        self.mode = mode
    }
}
