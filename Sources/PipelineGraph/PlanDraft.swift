import AnabranchCore

/// A plan in the making. Nodes are added after what they read; `finished` puts them in the order of their depth.
struct PlanDraft {
    private let names: [String]
    private var nodes: [PlanNode] = []
    private var shapes: [KeyShape] = []
    private var depths: [Int] = []
    private var sourceKeys: [PlanNodeIndex: [Key]] = [:]
    private var origins: [PlanNodeIndex: SourceOrigin] = [:]

    init(_ graph: Graph) {
        names = graph.nodes.map(\.name)
    }

    mutating func addSource(
        _ name: String, node: NodeIndex, phase: Phase, keys: [Key], origin: SourceOrigin
    ) -> PlanNodeIndex {
        let source = PlanNode(
            name: name, node: node, operation: .source, phase: phase, rule: .source, isInternal: true)
        let index = append(source, KeyShape(keys), depth: 0)
        sourceKeys[index] = keys
        origins[index] = origin
        return index
    }

    mutating func add(_ node: PlanNode) throws(GraphError) -> PlanNodeIndex {
        var shape = try read(node)
        if let via = node.via { try add(via, .known(Set(node.viaLabels)), to: &shape, of: node) }
        if let model = node.model { shape = shape.joined(shapes[model.source.position]) }
        if let variant = node.variantDimension {
            try add(variant, .known(Set((0..<node.variantCount).map { .integer(Int64($0)) })), to: &shape, of: node)
        }
        if case .gather(let over, _, _) = node.rule { shape.remove(over) }
        for dimension in node.emits { try add(dimension, .open, to: &shape, of: node) }
        let sources = (node.inputs + [node.model].compactMap { $0 }).map { depths[$0.source.position] }
        return append(node, shape, depth: (sources.max() ?? -1) + 1)
    }

    /// Dimensions that some key among these edges can have.
    func dimensions(of edges: [PlanEdge]) -> Set<Dimension> {
        edges.reduce(into: []) { $0.formUnion(shapes[$1.source.position].dimensions) }
    }

    func finished(candidates: [Key]?) -> Plan {
        let order = nodes.indices.sorted { (depths[$0], $0) < (depths[$1], $1) }
        var renumbered = [PlanNodeIndex](repeating: PlanNodeIndex(0), count: nodes.count)
        for (new, old) in order.enumerated() { renumbered[old] = PlanNodeIndex(UInt32(new)) }
        func moved(_ edge: PlanEdge) -> PlanEdge { PlanEdge(renumbered[edge.source.position], edge.port) }
        func moved<Value>(_ values: [PlanNodeIndex: Value]) -> [PlanNodeIndex: Value] {
            Dictionary(uniqueKeysWithValues: values.map { (renumbered[$0.key.position], $0.value) })
        }
        let sorted = order.map { old in
            var node = nodes[old]
            node.inputs = node.inputs.map(moved)
            node.model = node.model.map(moved)
            return node
        }
        return Plan(nodes: sorted, sourceKeys: moved(sourceKeys), origins: moved(origins), candidates: candidates)
    }

    private func read(_ node: PlanNode) throws(GraphError) -> KeyShape {
        let sources = node.inputs.map { shapes[$0.source.position] }
        guard let first = sources.first else { return KeyShape([]) }
        let product: Bool
        switch node.rule {
        case .source, .union: return sources.dropFirst().reduce(first) { $0.union($1) }
        case .gather where node.via != nil: return sources.dropFirst().reduce(first) { $0.union($1) }
        case .join(let isProduct), .gather(_, let isProduct, _): product = isProduct
        }
        if !product {
            for right in sources.indices.dropFirst() {
                for left in 0..<right {
                    guard let dimension = sources[left].conflict(with: sources[right]) else { continue }
                    let pair = [left, right].map { name(of: node.inputs[$0].source) }
                    throw .noPartner(node: name(of: node), sources: pair, dimension)
                }
            }
        }
        let shape = sources.dropFirst().reduce(first) { $0.joined($1) }
        return product ? shape.product(of: sources, names: node.viaLabels.map(\.description)) : shape
    }

    private func add(
        _ dimension: Dimension, _ labels: KeyShape.Labels, to shape: inout KeyShape, of node: PlanNode
    ) throws(GraphError) {
        if shape.labels[dimension] != nil { throw .dimensionTaken(node: name(of: node), dimension) }
        shape.add(dimension, labels)
    }

    private func name(of node: PlanNode) -> String { node.node.map { names[$0.position] } ?? node.name }
    private func name(of index: PlanNodeIndex) -> String { name(of: nodes[index.position]) }

    private mutating func append(_ node: PlanNode, _ shape: KeyShape, depth: Int) -> PlanNodeIndex {
        nodes.append(node)
        shapes.append(shape)
        depths.append(depth)
        return PlanNodeIndex(UInt32(nodes.count - 1))
    }
}

extension PlanNodeIndex {
    var position: Int { Int(rawValue) }
}
