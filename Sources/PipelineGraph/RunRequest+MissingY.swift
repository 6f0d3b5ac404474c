import AnabranchCore

extension RunRequest {
    /// Throws when a node in `needing` certainly gets data without y.
    ///
    /// That is known while only fitted nodes stand between it and an input: they pass y on as it is. A function or a
    /// splitter may add one, so what comes behind it is known only when it ran.
    func validateY(_ topology: Topology, needing: Set<NodeIndex>) throws(GraphError) {
        var lacking: [NodeIndex: (source: String, key: Key)] = [:]
        for index in topology.order {
            let node = graph.nodes[index.position]
            let origin: (source: String, key: Key)?
            if topology.isSource(index) {
                origin = inputs[index]?.first { $0.data.y == nil }.map { (node.name, $0.key) }
            } else {
                let sources = topology.sources[index.position].map { lacking[$0] }
                // An AND node's y is its sources' common one; where some have y and some have none, only its run tells.
                let known = node.kind == .or || sources.allSatisfy { $0 != nil }
                origin = known ? sources.compactMap { $0 }.first : nil
            }
            guard let origin else { continue }
            if node.needsY, needing.contains(index) {
                throw .missingY(node: node.name, source: origin.source, origin.key)
            }
            if node.role.isFitted { lacking[index] = origin }
        }
    }
}
