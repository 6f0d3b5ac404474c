import AnabranchCore

/// The dimensions that may occur in a plan's keys, node by node, found before they are numbered.
struct PlanVocabulary: Sendable {
    struct Node: Sendable {
        /// Dimensions that an entry's key may have.
        var entry: Set<Dimension> = []
        /// For a product: per edge, how a dimension that several edges may have is called there.
        var qualified: [[Dimension: Dimension]] = []
    }

    private(set) var nodes: [Node] = []
    private(set) var all: Set<Dimension> = []

    init(plan: Plan) {
        for (index, node) in plan.nodes.enumerated() {
            var known = Node()
            for key in plan.sourceKeys[PlanNodeIndex(UInt32(index))] ?? [] { known.entry.formUnion(key.dimensions) }
            let edges = node.inputs.map { nodes[Int($0.source.rawValue)].entry }
            for dimensions in edges { known.entry.formUnion(dimensions) }
            if case .join(true) = node.rule { qualify(&known, node: node, plan: plan, edges: edges) }
            if case .gather(let over, let product, _) = node.rule {
                if product { qualify(&known, node: node, plan: plan, edges: edges) }
                all.formUnion(over)
            }
            if let model = node.model { known.entry.formUnion(nodes[Int(model.source.rawValue)].entry) }
            if let via = node.via { known.entry.insert(via) }
            if let variant = node.variantDimension { known.entry.insert(variant) }
            known.entry.formUnion(node.emits)
            all.formUnion(known.entry)
            nodes.append(known)
        }
        for key in plan.candidates ?? [] { all.formUnion(key.dimensions) }
    }

    /// A dimension that several edges of a product may have is told apart by the edge's label (without labels, by the
    /// name of its source), and by the edge's number as well where one source feeds several edges: `partition@scale`,
    /// `partition@scale:2`.
    private func qualify(_ known: inout Node, node: PlanNode, plan: Plan, edges: [Set<Dimension>]) {
        var names = node.viaLabels.map(\.description)
        if names.count != node.inputs.count { names = node.inputs.map { plan.nodes[Int($0.source.rawValue)].name } }
        for (edge, dimensions) in edges.enumerated() {
            let repeated = names.filter { $0 == names[edge] }.count > 1
            let suffix = repeated ? "\(names[edge]):\(edge + 1)" : names[edge]
            var renamed: [Dimension: Dimension] = [:]
            for dimension in dimensions.sorted()
            where edges.indices.contains(where: { $0 != edge && edges[$0].contains(dimension) }) {
                var qualified = dimension
                // Again and again where a product below a product would use a name that is taken.
                repeat {
                    qualified = Dimension(
                        kind: qualified.kind, owner: "\(qualified.owner)@\(suffix)", positional: qualified.positional)
                } while known.entry.contains(qualified)
                renamed[dimension] = qualified
                known.entry.insert(qualified)
            }
            known.qualified.append(renamed)
        }
    }
}
