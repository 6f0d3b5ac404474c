extension PlannedKeys {
    /// Keys of the combinations of one entry from each edge; with `fixed`, of those that take this entry on its edge.
    func combinations(
        at node: PlannedNode, agreeingWith constraint: CompactKey, fixed: (edge: Int, key: CompactKey)? = nil,
        _ known: inout KnownRelations, _ body: Body
    ) -> Bool {
        if node.isProduct {
            var keys = Array(repeating: CompactKey.empty, count: node.sources.count)
            if let fixed { keys[fixed.edge] = fixed.key }
            return product(
                at: node, edge: 0, keys: &keys, fixed: fixed?.edge, agreeingWith: constraint, &known, body)
        }
        let order = node.edgeOrder.filter { $0 != fixed?.edge }
        return natural(
            at: node, order: order[...], fixed?.key ?? .empty, agreeingWith: constraint, &known, body)
    }

    private func natural(
        at node: PlannedNode, order: ArraySlice<Int>, _ matched: CompactKey, agreeingWith constraint: CompactKey,
        _ known: inout KnownRelations, _ body: Body
    ) -> Bool {
        guard let edge = order.first else {
            return known.candidates.agree(with: matched) ? body(matched, &known) : true
        }
        guard let narrowed = matched.merged(with: constraint) else { return true }
        return entries(of: node.sources[edge], agreeingWith: narrowed, &known) { entry, known in
            guard let wider = matched.merged(with: entry) else { return true }
            return natural(at: node, order: order.dropFirst(), wider, agreeingWith: constraint, &known, body)
        }
    }

    private func product(
        at node: PlannedNode, edge: Int, keys: inout [CompactKey], fixed: Int?, agreeingWith constraint: CompactKey,
        _ known: inout KnownRelations, _ body: Body
    ) -> Bool {
        if edge == keys.count {
            let key = node.productKey(keys)
            return key.agrees(with: constraint) && known.candidates.agree(with: key) ? body(key, &known) : true
        }
        if edge == fixed {
            return product(
                at: node, edge: edge + 1, keys: &keys, fixed: fixed, agreeingWith: constraint, &known, body)
        }
        // A dimension of several edges may have another name in the product, so it does not narrow an edge.
        let narrowed = constraint.projected(onto: node.ownDimensions[edge])
        var chosen = keys
        let goesOn = entries(of: node.sources[edge], agreeingWith: narrowed, &known) { entry, known in
            chosen[edge] = entry
            return product(
                at: node, edge: edge + 1, keys: &chosen, fixed: fixed, agreeingWith: constraint, &known, body)
        }
        return goesOn
    }

    /// Whether the entry takes part in a combination of the node's edges (open splitters aside).
    func hasPartner(
        _ entry: CompactKey, edge: Int, at node: PlannedNode, _ known: inout KnownRelations
    ) -> Bool {
        !combinations(at: node, agreeingWith: .empty, fixed: (edge, entry), &known) { _, _ in false }
    }

    /// An entry without partner is refused once: on the first edge, where entries of several edges have its very key.
    func isRefusedOnLowerEdge(
        _ entry: CompactKey, edge: Int, at node: PlannedNode, _ known: inout KnownRelations
    ) -> Bool {
        for lower in 0..<edge {
            let goesOn = entries(of: node.sources[lower], agreeingWith: entry, &known) { key, _ in key != entry }
            if !goesOn { return true }
        }
        return false
    }

    /// Entries that a natural join drops. One that no candidate wants is no loss.
    func unpartnered(
        at node: PlannedNode, agreeingWith constraint: CompactKey, _ known: inout KnownRelations,
        into found: inout [PlannedKey]
    ) {
        if node.isProduct { return }
        var lonely = found
        lonely.removeAll()
        for (edge, source) in node.sources.enumerated() {
            _ = entries(of: source, agreeingWith: constraint, &known) { entry, known in
                guard known.candidates.agree(with: entry) else { return true }
                if hasPartner(entry, edge: edge, at: node, &known) || !known.openSplittings.isEmpty { return true }
                if isRefusedOnLowerEdge(entry, edge: edge, at: node, &known) { return true }
                lonely.append(PlannedKey(key: entry, isRefused: true))
                return true
            }
        }
        found += lonely
    }
}

extension PlannedNode {
    /// The key with which an entry of `edge` takes part in a union, or nil when it names another alternative.
    func keyOfAlternative(_ entry: CompactKey, edge: Int) -> CompactKey? {
        if viaParts.isEmpty { return entry }
        return entry.merged(with: CompactKey(parts: [viaParts[edge]]))
    }

    /// The key of a combination whatever its keys say. A dimension that several of them have stands under its name for
    /// each edge, and under its own name only where they agree. (The names for edges stand there in either case: a
    /// combination that agrees must not join with one that does not, as keys without a common dimension would.)
    func productKey(_ keys: [CompactKey]) -> CompactKey {
        var parts: Set<UInt64> = []
        for (edge, key) in keys.enumerated() {
            for part in key.parts {
                let dimension = CompactKey.dimension(part)
                let label = CompactKey.label(part)
                let labels = keys.compactMap { $0.label(at: dimension) }
                if labels.count > 1, let name = qualified[edge][dimension] {
                    parts.insert(CompactKey.part(name, label))
                }
                if labels.allSatisfy({ $0 == label }) { parts.insert(part) }
            }
        }
        return CompactKey(parts: parts.sorted())
    }
}
