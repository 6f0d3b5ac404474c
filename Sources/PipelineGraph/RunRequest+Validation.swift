import AnabranchCore

extension RunRequest {
    /// Throws for the first thing that is wrong with the request, its graph aside, as far as it can be known before
    /// lowering.
    func validate(_ topology: Topology) throws(GraphError) {
        try validateInputs(topology)
        try validateModels()
        try validateCandidates()
    }

    private func validateInputs(_ topology: Topology) throws(GraphError) {
        for index in inputs.keys.sorted() {
            guard index.position < graph.nodes.count else { throw .unknownNode(index) }
            if let source = topology.sources[index.position].first {
                throw .unexpectedInputs(
                    node: graph.nodes[index.position].name, source: graph.nodes[source.position].name)
            }
        }
        for index in topology.order where topology.isSource(index) {
            let name = graph.nodes[index.position].name
            guard let entries = inputs[index] else { throw .missingInputs(node: name) }
            if entries.isEmpty { throw .emptyInputs(node: name) }
            var keys: Set<Key> = []
            for entry in entries where !keys.insert(entry.key).inserted {
                throw .duplicateInput(node: name, entry.key)
            }
            let first = entries[0].key
            if let other = entries.first(where: { $0.key.dimensions != first.dimensions }),
                let splitter = splitterBehindJoin(of: index, topology)
            {
                throw .mixedInputs(node: name, splitter: splitter, first, other.key)
            }
        }
    }

    /// The first splitter that a source's references reach joined with others.
    private func splitterBehindJoin(of source: NodeIndex, _ topology: Topology) -> String? {
        var reached: Set<NodeIndex> = [source]
        var joined: Set<NodeIndex> = []
        for index in topology.order where index != source {
            let sources = topology.sources[index.position]
            guard sources.contains(where: reached.contains) else { continue }
            reached.insert(index)
            let node = graph.nodes[index.position]
            let joins = node.kind == .and && sources.count > 1
            if joins || sources.contains(where: joined.contains) {
                joined.insert(index)
                if !node.splits.isEmpty { return node.name }
            }
        }
        return nil
    }

    private func validateModels() throws(GraphError) {
        for index in models.keys.sorted() {
            guard index.position < graph.nodes.count else { throw .unknownNode(index) }
            let node = graph.nodes[index.position]
            if !node.role.isFitted { throw .unexpectedModels(node: node.name, .stateless) }
            if options.mode.fits { throw .unexpectedModels(node: node.name, .fitting) }
        }
    }

    private func validateCandidates() throws(GraphError) {
        guard let candidates = options.candidates else { return }
        if candidates.isEmpty { throw .emptyCandidates }
        var counts: [Dimension: UInt32] = [:]
        for node in graph.nodes {
            if let dimension = node.variantDimension { counts[dimension] = node.variantCount }
        }
        for candidate in candidates {
            for part in candidate.parts {
                guard let count = counts[part.dimension] else {
                    throw .unknownCandidateDimension(part.dimension, known: counts.keys.sorted().map(\.fullName))
                }
                guard case .integer(let label) = part.label, label >= 0, label < Int64(count) else {
                    throw .candidateLabel(part.dimension, part.label, count: count)
                }
            }
        }
    }
}

extension Mode {
    /// Fits models of its own.
    var fits: Bool { self == .fit || self == .crossValidate }
    var scores: Bool { self == .score || self == .crossValidate }
}
