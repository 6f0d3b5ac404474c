import AnabranchCore

extension Planner {
    /// An entry has come to an edge of the node, well or failed.
    mutating func arrive(
        _ entry: UInt64, _ row: EntryRow, at node: PlannedNode, edge: Int, _ notes: inout [PlannerNote]
    ) {
        if node.joinsEdges {
            hold(entry, node.ports[edge])
            arriveAtJoin(
                JoinRow(key: row.key, owner: entry, cause: row.cause), at: node, .edges, side: edge, &notes)
            return
        }
        guard let key = node.keyOfAlternative(row.key, edge: edge), known.candidates.agree(with: key) else { return }
        hold(entry, node.ports[edge])
        if case .gather(let gathering) = node.rule {
            let member = GatherGroup.Member(key: key, entries: [entry], edge: edge, rows: [])
            gather(member, cause: row.cause, gathering, at: node, &notes)
            return
        }
        openBase(
            FiringBase(
                node: node.index, key: key, entries: [entry], width: 1, edges: [edge], rows: [], cause: row.cause,
                refusal: nil), &notes)
    }

    mutating func arriveModel(
        _ entry: UInt64, _ row: EntryRow, at node: PlannedNode, _ notes: inout [PlannerNote]
    ) {
        hold(entry, node.modelPort)
        arriveAtJoin(JoinRow(key: row.key, owner: entry, cause: row.cause), at: node, .models, side: 1, &notes)
    }

    /// A base is ready: its firings are, or it waits for models.
    mutating func openBase(_ base: FiringBase, _ notes: inout [PlannerNote]) {
        let number = bases.insert(base)
        guard nodes[base.node].model != nil else {
            openCursor(base: number, modelRow: 0, model: 0, key: base.key, cause: base.cause, &notes)
            return
        }
        arriveAtJoin(
            JoinRow(key: base.key, owner: UInt64(number), cause: base.cause), at: nodes[base.node], .models, side: 0,
            &notes)
    }

    private mutating func arriveAtJoin(
        _ row: JoinRow, at node: PlannedNode, _ stage: JoinStage, side: Int, _ notes: inout [PlannerNote]
    ) {
        let index = node.index
        let number = states[index].joins[stage.rawValue].insert(row, side: side)
        if stage == .models && side == 0 { bases[Int(row.owner)].modelRow = number }
        var cursor = states[index].joins[stage.rawValue].cursor(
            side: side, number, key: row.key, edgeOrder: stage == .edges ? node.edgeOrder : [0, 1])
        guard advance(index, stage, &cursor) else {
            seekPartner(index, stage, side: side, number, &notes)
            return
        }
        if stage == .edges, case .gather = node.rule {
            repeat { makeCombination(index, cursor.chosen, cursor.key, &notes) } while advance(index, stage, &cursor)
            return
        }
        let work = combinations.insert(CombinationCursor(node: index, stage: stage, cursor: cursor))
        states[index].combinationCursors += 1
        ready.insert(.combinations(work), of: node, key: cursor.key)
    }

    /// A combination of rows becomes a base, or a member of a group.
    mutating func makeCombination(
        _ node: Int, _ chosen: [UInt64], _ key: CompactKey, _ notes: inout [PlannerNote]
    ) {
        var owners: [UInt64] = []
        owners.reserveCapacity(chosen.count)
        var cause: UInt64 = 0
        for (side, number) in chosen.enumerated() {
            states[node].joins[0].update(side: side, number) { row in
                row.made += 1
                row.alive += 1
                owners.append(row.owner)
                if cause == 0 { cause = row.cause }
            }
        }
        if case .gather(let gathering) = nodes[node].rule {
            let member = GatherGroup.Member(key: key, entries: owners, edge: 0, rows: chosen)
            gather(member, cause: cause, gathering, at: nodes[node], &notes)
            return
        }
        openBase(
            FiringBase(
                node: node, key: key, entries: owners, width: owners.count, edges: [], rows: chosen, cause: cause,
                refusal: nil), &notes)
    }
}
