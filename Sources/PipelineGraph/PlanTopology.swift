import AnabranchCore

/// What follows from the plan alone, in compact form: who reads whom, which dimensions may occur where.
struct PlanTopology: Sendable {
    let nodes: [PlannedNode]
    /// Per node, the dimensions by which its ready work is ordered, first to last.
    let order: [[RankedDimension]]

    /// A dimension and its place among all of the plan's, in the order in which nodes make them.
    struct RankedDimension: Sendable {
        let place: UInt32
        let dimension: UInt32
    }

    /// A reader of an entry: `edge` is an index into the node's inputs, or nil for its model.
    struct Reader: Sendable {
        let node: Int
        let edge: Int?
        let port: Port
    }

    init(plan: Plan, codec: inout KeyCodec, vocabulary: PlanVocabulary) {
        var readers = Array(repeating: [Reader](), count: plan.nodes.count)
        for (index, node) in plan.nodes.enumerated() {
            for (edge, input) in node.inputs.enumerated() {
                readers[Int(input.source.rawValue)].append(Reader(node: index, edge: edge, port: input.port))
            }
            if let model = node.model {
                readers[Int(model.source.rawValue)].append(Reader(node: index, edge: nil, port: model.port))
            }
        }
        var nodes: [PlannedNode] = []
        for (index, node) in plan.nodes.enumerated() {
            nodes.append(
                PlannedNode(
                    index: index, node: node, sources: nodes, readers: readers[index],
                    candidatesConstrain: plan.candidates != nil, vocabulary: vocabulary.nodes[index], codec: &codec))
        }
        self.nodes = nodes
        let gathered = Self.gatheredBelow(nodes)
        var places: [UInt32: UInt32] = [:]
        for node in nodes {
            for dimension in node.entryDimensions where places[dimension] == nil {
                places[dimension] = UInt32(places.count)
            }
        }
        order = nodes.indices.map { index in
            let counted = nodes[index].entryDimensions.filter { !gathered[index].contains($0) }
            return counted.map { RankedDimension(place: places[$0] ?? 0, dimension: $0) }
                .sorted { $0.place < $1.place }
        }
    }

    /// Per node, the dimensions over which some node below it gathers.
    private static func gatheredBelow(_ nodes: [PlannedNode]) -> [Set<UInt32>] {
        var gathered = Array(repeating: Set<UInt32>(), count: nodes.count)
        for node in nodes.reversed() {
            var above = gathered[node.index]
            if case .gather(let gathering) = node.rule { above.formUnion(gathering.removed) }
            for source in node.sources { gathered[source].formUnion(above) }
            if let model = node.model { gathered[model].formUnion(above) }
        }
        return gathered
    }
}
