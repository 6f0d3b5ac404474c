/// What the planner holds for one plan node.
struct NodeState: Sendable {
    var progress = PlanNodeProgress()
    /// Ready cursors over combinations: more firings than planned so far may follow.
    var combinationCursors = 0
    /// By `JoinStage`; an element without sides where the node does not join.
    var joins: [RowJoin]
    var groups: [CompactKey: Int] = [:]

    init(node: PlannedNode) {
        joins = [
            RowJoin(sideCount: node.joinsEdges ? node.sources.count : 0, isProduct: node.isProduct),
            RowJoin(sideCount: node.model == nil ? 0 : 2, isProduct: false),
        ]
    }

    var liveCount: Int { joins[0].count + joins[1].count }
}
