/// Enumerates, without running anything, the keys that the nodes of a plan will have.
///
/// Keys do not depend on how firings end, but for splitters: a failed or skipped firing still makes the entry that it
/// would have made. So the whole of a relation is known in advance as far as its splitters have ended. Questions are
/// answered by walking up the plan with a key that narrows every step, and cost about their answer. All methods
/// call `body` for each answer until it returns false, and return false then.
struct PlannedKeys: Sendable {
    typealias PlannedKey = KnownRelations.PlannedKey
    typealias Body = (CompactKey, inout KnownRelations) -> Bool

    let nodes: [PlannedNode]

    /// Keys of entries of `node` that agree with `constraint`.
    @discardableResult
    func entries(
        of index: Int, agreeingWith constraint: CompactKey, _ known: inout KnownRelations, _ body: Body
    ) -> Bool {
        known.countStep()
        // Skips nodes whose entries have the keys of their source's entries.
        let node = nodes[nodes[index].sameKeysAs]
        let index = node.index
        if node.isSource {
            for group in 0..<known.sources[index].groupCount {
                for row in known.sources[index].list(agreeingWith: constraint, group: group) {
                    known.countStep()
                    guard let key = known.sources[index][row] else { continue }
                    if !body(key, &known) { return false }
                }
            }
            return true
        }
        if node.emits.isEmpty {
            return firings(of: node, agreeingWith: constraint, &known) { key, _, known in body(key, &known) }
        }
        let above = constraint.removing(node.emits)
        return firings(of: node, agreeingWith: above, &known) { key, isRefused, known in
            if isRefused { return body(key, &known) }
            return parts(of: key, at: node, agreeingWith: constraint, &known, body)
        }
    }

    private func parts(
        of key: CompactKey, at node: PlannedNode, agreeingWith constraint: CompactKey, _ known: inout KnownRelations,
        _ body: Body
    ) -> Bool {
        let splitting = KnownRelations.Splitting(node: node.index, key: key)
        switch known.outcomes[splitting] {
        case nil:
            known.dependsOn(splitting)
            return true
        case .failed:
            return body(key, &known)
        case .parts(let parts, let set):
            let wanted = constraint.projected(onto: node.emits)
            if wanted.parts.count == node.emits.count {
                guard set.contains(wanted), let whole = key.merged(with: wanted) else { return true }
                return body(whole, &known)
            }
            for part in parts where wanted.agrees(with: part) {
                known.countStep()
                guard let whole = key.merged(with: part) else { continue }
                if !body(whole, &known) { return false }
            }
            return true
        }
    }

    /// Keys of the node's firings, and of its entries that are refused before they fire.
    private func firings(
        of node: PlannedNode, agreeingWith constraint: CompactKey, _ known: inout KnownRelations,
        _ body: (CompactKey, _ isRefused: Bool, inout KnownRelations) -> Bool
    ) -> Bool {
        guard let model = node.model else {
            return bases(of: node, agreeingWith: constraint, &known) { base, known in
                if base.isRefused { return body(base.key, true, &known) }
                return variants(of: node, base.key, agreeingWith: constraint, &known) { body($0, false, &$1) }
            }
        }
        let found = remembering(node, isOfFirings: true, constraint, &known) { constraint, known in
            var found: [PlannedKey] = []
            _ = bases(of: node, agreeingWith: constraint, &known) { base, known in
                if base.isRefused {
                    found.append(base)
                } else {
                    served(base.key, of: node, by: model, agreeingWith: constraint, &known, into: &found)
                }
                return true
            }
            return found
        }
        for planned in found where planned.key.agrees(with: constraint) {
            known.countStep()
            if !body(planned.key, planned.isRefused, &known) { return false }
        }
        return true
    }

    /// The firings of one base, with each model that agrees; without any, the base is refused.
    private func served(
        _ base: CompactKey, of node: PlannedNode, by model: Int, agreeingWith constraint: CompactKey,
        _ known: inout KnownRelations, into found: inout [PlannedKey]
    ) {
        guard let narrowed = base.merged(with: constraint) else { return }
        var isServed = false
        var keys: [PlannedKey] = []
        entries(of: model, agreeingWith: narrowed, &known) { modelKey, known in
            guard let key = base.merged(with: modelKey), known.candidates.agree(with: key) else { return true }
            isServed = true
            return variants(of: node, key, agreeingWith: constraint, &known) { key, _ in
                keys.append(PlannedKey(key: key, isRefused: false))
                return true
            }
        }
        found += keys
        if isServed || hasModel(node, base, &known) || !known.openSplittings.isEmpty { return }
        found.append(PlannedKey(key: base, isRefused: true))
    }

    /// Whether any model agrees with the base (open splitters aside).
    func hasModel(_ node: PlannedNode, _ base: CompactKey, _ known: inout KnownRelations) -> Bool {
        guard let model = node.model else { return true }
        return !entries(of: model, agreeingWith: base, &known) { modelKey, known in
            guard let key = base.merged(with: modelKey) else { return true }
            return !known.candidates.agree(with: key)
        }
    }

    private func variants(
        of node: PlannedNode, _ key: CompactKey, agreeingWith constraint: CompactKey, _ known: inout KnownRelations,
        _ body: Body
    ) -> Bool {
        guard let (dimension, count) = node.variant else { return body(key, &known) }
        if let label = key.label(at: dimension) { return label < count ? body(key, &known) : true }
        if let label = constraint.label(at: dimension) {
            guard label < count else { return true }
            let varied = key.adding(CompactKey.part(dimension, label))
            return known.candidates.agree(with: varied) ? body(varied, &known) : true
        }
        let labels = known.candidates.labels(of: dimension, count: count, for: key)
        for position in 0..<labels.count {
            known.countStep()
            if !body(key.adding(CompactKey.part(dimension, labels[position])), &known) { return false }
        }
        return true
    }

    /// What the node's firings start from, before models and variants.
    func bases(
        of node: PlannedNode, agreeingWith constraint: CompactKey, _ known: inout KnownRelations,
        _ body: (PlannedKey, inout KnownRelations) -> Bool
    ) -> Bool {
        switch node.rule {
        case .source:
            return true
        case .union:
            return alternatives(of: node, agreeingWith: constraint, &known) {
                body(PlannedKey(key: $0, isRefused: false), &$1)
            }
        case .join:
            if !node.joinsEdges {
                return alternatives(of: node, agreeingWith: constraint, &known) {
                    body(PlannedKey(key: $0, isRefused: false), &$1)
                }
            }
            let found = remembering(node, isOfFirings: false, constraint, &known) { constraint, known in
                var found = combinationBases(of: node, agreeingWith: constraint, &known)
                unpartnered(at: node, agreeingWith: constraint, &known, into: &found)
                return found
            }
            for base in found where base.key.agrees(with: constraint) {
                known.countStep()
                if !body(base, &known) { return false }
            }
            return true
        case .gather(let gathering):
            let over = gathering.removed
            let groups = remembering(node, isOfFirings: false, constraint.removing(over), &known) { constraint, known in
                var seen: Set<CompactKey> = []
                var groups: [PlannedKey] = []
                _ = members(of: node, agreeingWith: constraint, &known) { key, _ in
                    let group = key.removing(over)
                    if seen.insert(group).inserted {
                        groups.append(PlannedKey(key: group, isRefused: false))
                    }
                    return true
                }
                return groups
            }
            for base in groups {
                known.countStep()
                if !body(base, &known) { return false }
            }
            guard node.joinsEdges else { return true }
            var lonely: [PlannedKey] = []
            unpartnered(at: node, agreeingWith: constraint, &known, into: &lonely)
            for base in lonely where !body(base, &known) { return false }
            return true
        }
    }

    private func remembering(
        _ node: PlannedNode, isOfFirings: Bool, _ constraint: CompactKey, _ known: inout KnownRelations,
        _ find: (CompactKey, inout KnownRelations) -> [PlannedKey]
    ) -> [PlannedKey] {
        let question = KnownRelations.Question(
            node: node.index, isOfFirings: isOfFirings, constraint: constraint.projected(onto: node.entryDimensions))
        if let answer = known.answer(to: question) { return answer }
        let answer = find(question.constraint, &known)
        known.remember(answer, to: question)
        return answer
    }

    /// A gather's members, or a join's combinations.
    func members(
        of node: PlannedNode, agreeingWith constraint: CompactKey, _ known: inout KnownRelations, _ body: Body
    ) -> Bool {
        node.joinsEdges
            ? combinations(at: node, agreeingWith: constraint, &known, body)
            : alternatives(of: node, agreeingWith: constraint, &known, body)
    }

    private func combinationBases(
        of node: PlannedNode, agreeingWith constraint: CompactKey, _ known: inout KnownRelations
    ) -> [PlannedKey] {
        var found: [PlannedKey] = []
        _ = combinations(at: node, agreeingWith: constraint, &known) { key, _ in
            found.append(PlannedKey(key: key, isRefused: false))
            return true
        }
        return found
    }

    /// One entry of any edge, with its via label.
    private func alternatives(
        of node: PlannedNode, agreeingWith constraint: CompactKey, _ known: inout KnownRelations, _ body: Body
    ) -> Bool {
        let wanted = node.viaDimension.flatMap(constraint.label)
        for (edge, source) in node.sources.enumerated() {
            if let wanted, CompactKey.label(node.viaParts[edge]) != wanted { continue }
            let goesOn = entries(of: source, agreeingWith: constraint, &known) { entry, known in
                guard let key = node.keyOfAlternative(entry, edge: edge), known.candidates.agree(with: key) else {
                    return true
                }
                return body(key, &known)
            }
            if !goesOn { return false }
        }
        return true
    }
}
