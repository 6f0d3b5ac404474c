import AnabranchCore
import PipelineGraph

extension RunRecord {
    /// Per graph node, what its plan nodes come to; the run's own splitter has no graph node. Sources do not count.
    /// Running is what the scheduler was given and has not ended.
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
        // The planner of a run that was ended early still has what it gave out.
        if state != .running { for node in order { byNode[node]?.running = 0 } }
        return order.compactMap { byNode[$0] }
    }

    /// - Parameter placed: Tasks at workers: of the status, these alone run.
    func status(at now: Instant, unixOffset: UInt64, placed: [TaskClass: Int]) -> RunStatus {
        var progress = progress
        for index in progress.indices { progress[index].running = 0 }
        let places = Dictionary(uniqueKeysWithValues: progress.indices.map { (progress[$0].node, $0) })
        for (kind, planNode) in plan.nodes.enumerated() {
            guard let place = places[planNode.node] else { continue }
            progress[place].running += UInt64(placed[TaskClass(run: id, kind: UInt32(kind))] ?? 0)
        }
        return RunStatus(
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
