import AnabranchCore
import PipelineGraph

extension RunRecord {
    /// Per graph node, what its plan nodes come to; the run's own splitter has no graph node. Sources do not count.
    var progress: [NodeProgress] {
        var byNode: [NodeIndex?: NodeProgress] = [:]
        var order: [NodeIndex?] = []
        for (planNode, progress) in zip(plan.nodes, planner.progress()) where planNode.operation != .source {
            if byNode[planNode.node] == nil {
                order.append(planNode.node)
                byNode[planNode.node] = NodeProgress(node: planNode.node)
            }
            byNode[planNode.node]?.add(progress)
        }
        return order.compactMap { byNode[$0] }
    }

    func status(at now: Instant, unixOffset: UInt64) -> RunStatus {
        RunStatus(
            run: id, name: title, state: state, progress: progress,
            nodes: request.graph.nodes.map(\.name), startedUnixMilliseconds: (started.microseconds + unixOffset) / 1000,
            elapsedMilliseconds: (ended ?? now).since(started) / 1000)
    }
}

extension NodeProgress {
    fileprivate mutating func add(_ progress: PlanNodeProgress) {
        planned += UInt64(progress.planned)
        isOpen = isOpen || progress.isOpen
        running += UInt64(progress.running)
        succeeded += UInt64(progress.succeeded)
        failed += UInt64(progress.failed)
        skipped += UInt64(progress.skipped)
    }
}
