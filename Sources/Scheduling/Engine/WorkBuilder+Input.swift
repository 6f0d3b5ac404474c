import AnabranchCore
import PipelineGraph

extension WorkBuilder {
    /// What the firing's entries offer at the ports by which its edges read them.
    func input(
        of firing: Firing, _ planNode: PlanNode, _ values: [EntryID: EntryValue]
    ) throws(WorkError) -> Input {
        var items: [[Data]] = []
        items.reserveCapacity(firing.items.count)
        for item in firing.items {
            var edges: [Data] = []
            edges.reserveCapacity(item.count)
            for (position, entry) in item.enumerated() {
                let port = port(by: position, from: values[entry]?.node, firing, planNode)
                guard let data = values[entry]?.data(at: port) else { throw .missingValue(entry, port) }
                edges.append(data)
            }
            items.append(edges)
        }
        return Input(form: planNode.inputForm, items: items)
    }

    /// Joined edges stand in edge order; an alternative is told by the firing, or, within a group, by where it comes from.
    private func port(
        by position: Int, from source: PlanNodeIndex?, _ firing: Firing, _ planNode: PlanNode
    ) -> Port {
        switch planNode.rule {
        case .source:
            return .data
        case .union:
            return planNode.inputs[firing.edge].port
        case .join:
            return planNode.inputs[position].port
        case .gather:
            guard planNode.via != nil else { return planNode.inputs[position].port }
            return planNode.inputs.first { $0.source == source }?.port ?? .data
        }
    }
}
