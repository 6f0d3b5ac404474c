import AnabranchCore

extension Planner {
    func planNode(_ node: Int) -> PlanNodeIndex { PlanNodeIndex(UInt32(node)) }

    mutating func skip(_ entry: UInt64, cause: UInt64, _ notes: inout [PlannerNote]) {
        guard let row = entries[entry] else { return }
        states[row.node].progress.skipped += 1
        notes.append(
            .skipped(
                entry: EntryID(entry), node: planNode(row.node), key: codec.decode(row.key), cause: EntryID(cause)))
        fail(entry, cause: cause)
    }

    mutating func refuse(_ entry: UInt64, _ message: String, _ notes: inout [PlannerNote]) {
        guard let row = entries[entry] else { return }
        states[row.node].progress.failed += 1
        notes.append(
            .refused(
                entry: EntryID(entry), node: planNode(row.node), key: codec.decode(row.key), message: message))
        fail(entry, cause: entry)
    }

    /// An entry of its own that never fires: what stands at `key` was dropped.
    mutating func enterUnfired(node: Int, key: CompactKey, cause: UInt64, message: String, _ notes: inout [PlannerNote])
    {
        let entry = enter(node: node, key: key)
        states[node].progress.planned += 1
        if cause == 0 { refuse(entry, message, &notes) } else { skip(entry, cause: cause, &notes) }
    }

    /// The entry has failed, whatever the reason: its readers are to hear of it.
    mutating func fail(_ entry: UInt64, cause: UInt64) {
        guard let index = entries.index(forKey: entry) else { return }
        entries.values[index].cause = cause
        undelivered.append(entry)
    }

    /// A splitter's firing will not answer parts: what waits for them goes on without.
    mutating func closeSplitting(of entry: UInt64, _ notes: inout [PlannerNote]) {
        guard let row = entries[entry], !nodes[row.node].emits.isEmpty else { return }
        let splitting = KnownRelations.Splitting(node: row.node, key: row.key)
        known.close(splitting, .failed)
        wake(splitting, &notes)
    }

    mutating func deliverAll(_ notes: inout [PlannerNote]) {
        while let entry = undelivered.popFirst() { deliver(entry, &notes) }
    }

    /// Tells each reader of the entry. The entry's ports are held until all of them have been told.
    private mutating func deliver(_ entry: UInt64, _ notes: inout [PlannerNote]) {
        guard let index = entries.index(forKey: entry) else { return }
        entries.values[index].holds = SIMD4(repeating: 1)
        let row = entries.values[index]
        for reader in nodes[row.node].readers {
            if let edge = reader.edge {
                arrive(entry, row, at: nodes[reader.node], edge: edge, &notes)
            } else {
                arriveModel(entry, row, at: nodes[reader.node], &notes)
            }
        }
        let ports = nodes[row.node].entryPorts
        for port in ports { unhold(entry, port, &notes) }
        guard let index = entries.index(forKey: entry) else { return }
        for slot in 0..<4 where !ports.contains(where: { Int($0.rawValue) == slot }) {
            entries.values[index].holds[slot] = 0
        }
        if entries.values[index].holds == .zero { entries.remove(at: index) }
    }

    mutating func hold(_ entry: UInt64, _ port: Port) {
        guard let index = entries.index(forKey: entry) else {
            preconditionFailure("Entry \(entry) is gone, but is to be read again")
        }
        entries.values[index].holds[Int(port.rawValue)] += 1
    }

    mutating func unhold(_ entry: UInt64, _ port: Port, _ notes: inout [PlannerNote]) {
        guard let index = entries.index(forKey: entry) else {
            preconditionFailure("Entry \(entry) is gone, but was still held")
        }
        entries.values[index].holds[Int(port.rawValue)] -= 1
        guard entries.values[index].holds[Int(port.rawValue)] == 0 else { return }
        if entries.values[index].cause == 0 { notes.append(.released(EntryID(entry), port)) }
        if entries.values[index].holds == .zero { entries.remove(at: index) }
    }

    mutating func beginUse(base: Int, modelRow: UInt64, node: Int) {
        bases[base].uses += 1
        if modelRow != 0 { states[node].joins[1].update(side: 1, modelRow) { $0.alive += 1 } }
        let baseRow = bases[base].modelRow
        if baseRow != 0 { states[node].joins[1].update(side: 0, baseRow) { $0.alive += 1 } }
    }

    /// A cursor is through, or a firing has ended.
    mutating func finishUse(base: Int, modelRow: UInt64, _ notes: inout [PlannerNote]) {
        bases[base].uses -= 1
        let node = bases[base].node
        if modelRow != 0 {
            states[node].joins[1].update(side: 1, modelRow) { $0.alive -= 1 }
            settle(node, .models, side: 1, modelRow, &notes)
        }
        let baseRow = bases[base].modelRow
        if baseRow != 0 {
            states[node].joins[1].update(side: 0, baseRow) { $0.alive -= 1 }
            settle(node, .models, side: 0, baseRow, &notes)
        } else if bases[base].uses == 0 {
            dispose(base, &notes)
        }
    }

    /// No firing reads the base's entries by this base any more.
    mutating func dispose(_ number: Int, _ notes: inout [PlannerNote]) {
        let base = bases[number]
        bases.remove(number)
        release(base.entries, rows: base.rows, edges: base.edges, node: base.node, &notes)
    }

    mutating func release(
        _ entries: [UInt64], rows: [UInt64], edges: [Int], node: Int, _ notes: inout [PlannerNote]
    ) {
        if rows.isEmpty {
            for (index, entry) in entries.enumerated() {
                unhold(entry, nodes[node].ports[edges.count == 1 ? edges[0] : edges[index]], &notes)
            }
            return
        }
        let sideCount = nodes[node].sources.count
        for (index, row) in rows.enumerated() {
            states[node].joins[0].update(side: index % sideCount, row) { $0.alive -= 1 }
            settle(node, .edges, side: index % sideCount, row, &notes)
        }
    }
}
