import AnabranchCore

extension Graph {
    /// Throws for the first thing that is wrong with the graph itself, whatever its inputs and its mode.
    public func validate() throws(GraphError) {
        _ = try topology()
    }

    /// The shape of this graph, which is valid when there is one.
    func topology() throws(GraphError) -> Topology {
        if nodes.isEmpty { throw .emptyGraph }
        try validateNames()
        try validateEdges()
        let topology = try Topology(self)
        for index in topology.order { try validateNode(index, topology) }
        return topology
    }

    private func validateNames() throws(GraphError) {
        var names: Set<String> = []
        for (position, node) in nodes.enumerated() {
            if node.name.isEmpty || node.name.contains(where: { $0.isNewline || ",=:{}[]".contains($0) }) {
                throw .invalidName(NodeIndex(UInt32(position)), name: node.name)
            }
            if !names.insert(node.name).inserted { throw .duplicateName(node.name) }
        }
    }

    private func validateEdges() throws(GraphError) {
        var seen: Set<Edge> = []
        var connected: Set<NodeIndex> = []
        for (position, edge) in edges.enumerated() {
            for end in [edge.source, edge.target] where end.position >= nodes.count {
                throw .unknownEdgeEnd(edge: position, end)
            }
            if !seen.insert(edge).inserted {
                throw .duplicateEdge(source: nodes[edge.source.position].name, target: nodes[edge.target.position].name)
            }
            connected.formUnion([edge.source, edge.target])
        }
        guard nodes.count > 1 else { return }
        for (position, node) in nodes.enumerated() where !connected.contains(NodeIndex(UInt32(position))) {
            throw .unconnected(node: node.name)
        }
    }

    private func validateNode(_ index: NodeIndex, _ topology: Topology) throws(GraphError) {
        let node = nodes[index.position]
        let sources = topology.sources[index.position]
        switch node.kind {
        case .or:
            if !node.over.isEmpty { throw .overWithoutAnd(node: node.name) }
        case .and:
            if sources.isEmpty { throw .andWithoutInput(node: node.name) }
            if sources.count == 1, node.over.isEmpty {
                throw .andWithOneInput(node: node.name, source: nodes[sources[0].position].name)
            }
        }
        let hasFunction = !node.nativeFunction.isEmpty
        let isWhole =
            switch node.role {
            case .native: hasFunction
            case .splitter: hasFunction || node.payload != nil
            default: node.payload != nil
            }
        if !isWhole { throw .missingPayload(node: node.name) }
        if node.variantCount > 0 {
            if node.role == .native { throw .nativeVariants(node: node.name) }
            if node.variants == nil { throw .missingVariants(node: node.name) }
        }
        if node.role == .splitter, node.splits.isEmpty { throw .missingSplits(node: node.name) }
    }
}
