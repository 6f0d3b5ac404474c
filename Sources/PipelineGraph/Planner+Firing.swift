import AnabranchCore

extension Planner {
    /// Takes the next firing of the cursor that comes first: hands it out, or finds that its key is skipped.
    mutating func pullFiring(_ number: Int, _ firings: inout [Firing], _ notes: inout [PlannerNote]) {
        let cursor = cursors[number]
        let node = bases[cursor.base].node
        var key = cursor.key
        var variant: UInt32?
        if let (dimension, _) = nodes[node].variant {
            variant = cursor.label ?? key.label(at: dimension)
            if let label = cursor.label { key = key.adding(CompactKey.part(dimension, label)) }
        }
        // The last firing takes over the cursor's own use of base and model.
        let isLast = cursor.remaining == 1
        if isLast {
            ready.removeFirst()
            cursors.remove(number)
        } else {
            cursors[number].position += 1
            if let label = cursors[number].label { ready.moveFirst(of: nodes[node], key: cursor.key, label: label) }
        }
        let entry = enter(node: node, key: key)
        if cursor.cause != 0 || bases[cursor.base].refusal != nil {
            if let refusal = bases[cursor.base].refusal {
                refuse(entry, refusal, &notes)
            } else {
                skip(entry, cause: cursor.cause, &notes)
            }
            closeSplitting(of: entry, &notes)
            if isLast { finishUse(base: cursor.base, modelRow: cursor.modelRow, &notes) }
            return
        }
        if !isLast { beginUse(base: cursor.base, modelRow: cursor.modelRow, node: node) }
        entries[entry]?.base = cursor.base
        entries[entry]?.modelRow = cursor.modelRow
        runningCount += 1
        states[node].progress.running += 1
        let base = bases[cursor.base]
        var items: [[EntryID]] = []
        items.reserveCapacity(base.entries.count / base.width)
        for start in stride(from: 0, to: base.entries.count, by: base.width) {
            items.append(base.entries[start..<start + base.width].map { EntryID($0) })
        }
        firings.append(
            Firing(
                entry: EntryID(entry), node: PlanNodeIndex(UInt32(node)), key: codec.decode(key), items: items,
                edge: nodes[node].isUnion ? base.edges[0] : 0,
                model: cursor.model == 0 ? nil : EntryID(cursor.model), variant: variant))
    }

    /// Makes the combination of the cursor that comes first into a base, or a pair of base and model.
    mutating func pullCombination(_ number: Int, _ notes: inout [PlannerNote]) {
        ready.removeFirst()
        var cursor = combinations[number].cursor
        let (node, stage) = (combinations[number].node, combinations[number].stage)
        switch stage {
        case .edges: makeCombination(node, cursor.chosen, cursor.key, &notes)
        case .models: makePair(node, cursor.chosen, cursor.key, &notes)
        }
        if advance(node, stage, &cursor) {
            combinations[number].cursor = cursor
            ready.insert(.combinations(number), of: nodes[node], key: cursor.key)
        } else {
            combinations.remove(number)
            states[node].combinationCursors -= 1
        }
    }

    /// Moves on to the next combination that a candidate wants; sets the key of a product.
    mutating func advance(_ node: Int, _ stage: JoinStage, _ cursor: inout RowJoin.Cursor) -> Bool {
        while states[node].joins[stage.rawValue].advance(&cursor) {
            if stage == .edges && nodes[node].isProduct {
                // A row that has been through all of its wanted combinations is gone, and has unwanted ones only.
                let keys = cursor.chosen.enumerated().compactMap { states[node].joins[0][$0, $1]?.key }
                guard keys.count == cursor.chosen.count else { continue }
                cursor.key = nodes[node].productKey(keys)
            }
            if known.candidates.agree(with: cursor.key) { return true }
        }
        return false
    }

    private mutating func makePair(
        _ node: Int, _ chosen: [UInt64], _ key: CompactKey, _ notes: inout [PlannerNote]
    ) {
        var owners: [UInt64] = []
        var cause: UInt64 = 0
        for (side, number) in chosen.enumerated() {
            states[node].joins[1].update(side: side, number) { row in
                row.made += 1
                owners.append(row.owner)
                if cause == 0 { cause = row.cause }
            }
        }
        openCursor(
            base: Int(owners[0]), modelRow: chosen[1], model: owners[1], key: key, cause: cause, &notes)
    }

    /// Makes firings of a base (and a model) ready, one per variant that a candidate wants.
    mutating func openCursor(
        base: Int, modelRow: UInt64, model: UInt64, key: CompactKey, cause: UInt64, _ notes: inout [PlannerNote]
    ) {
        let node = bases[base].node
        beginUse(base: base, modelRow: modelRow, node: node)
        var labels: Candidates.Labels?
        var isWanted = true
        if let (dimension, count) = nodes[node].variant {
            if let label = key.label(at: dimension) {
                isWanted = label < count
            } else {
                let found = known.candidates.labels(of: dimension, count: count, for: key)
                isWanted = found.count > 0
                labels = found
            }
        }
        guard isWanted else {
            finishUse(base: base, modelRow: modelRow, &notes)
            return
        }
        let cursor = FiringCursor(
            base: base, modelRow: modelRow, model: model, key: key, cause: cause, labels: labels)
        states[node].progress.planned += cursor.remaining
        ready.insert(.firings(cursors.insert(cursor)), of: nodes[node], key: key, label: cursor.label)
    }
}
