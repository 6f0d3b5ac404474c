import DequeModule

/// What the planner holds for one plan node.
struct NodeState: Sendable {
    var progress = PlanNodeProgress()
    /// Ready firings; those of the first cursor come first.
    var firings: Deque<FiringCursor> = []
    /// Ready combinations; pulled when there is no ready firing.
    var combinations: Deque<CombinationCursor> = []
    /// By `JoinStage`; an element without sides where the node does not join.
    var joins: [RowJoin]
    var groups: [CompactKey: Int] = [:]

    init(node: PlannedNode) {
        joins = [
            RowJoin(sideCount: node.joinsEdges ? node.sources.count : 0, isProduct: node.isProduct),
            RowJoin(sideCount: node.model == nil ? 0 : 2, isProduct: false),
        ]
    }

    var isReady: Bool { !firings.isEmpty || !combinations.isEmpty }

    var liveCount: Int { firings.count + combinations.count + joins[0].count + joins[1].count }
}
