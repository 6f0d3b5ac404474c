import AnabranchCore

extension Planner {
    /// A row has come and found nobody to go with: is there one to come?
    mutating func seekPartner(
        _ node: Int, _ stage: JoinStage, side: Int, _ number: UInt64, _ notes: inout [PlannerNote]
    ) {
        guard let row = states[node].joins[stage.rawValue][side, number], row.made == 0 else { return }
        if stage == .models && side == 1 {
            settle(node, stage, side: side, number, &notes)
            return
        }
        if stage == .edges && nodes[node].isProduct { return settle(node, stage, side: side, number, &notes) }
        let isServed =
            stage == .edges
            ? plannedKeys.hasPartner(row.key, edge: side, at: nodes[node], &known)
            : plannedKeys.hasModel(nodes[node], row.key, &known)
        var open = known.endQuestion()
        if isServed { return }
        var isTold = false
        if open.isEmpty && stage == .edges {
            isTold = plannedKeys.isRefusedOnLowerEdge(row.key, edge: side, at: nodes[node], &known)
            open = known.endQuestion()
        }
        if !open.isEmpty && !isTold {
            waitRow(node, stage, side: side, number, open)
            return
        }
        states[node].joins[stage.rawValue].remove(side: side, number)
        refuseRow(row, node, stage, side: side, isTold: isTold, &notes)
    }

    /// `isTold`: the same key is refused on a lower edge already.
    private mutating func refuseRow(
        _ row: JoinRow, _ node: Int, _ stage: JoinStage, side: Int, isTold: Bool, _ notes: inout [PlannerNote]
    ) {
        let name = nodes[node].name
        switch stage {
        case .models:
            let number = Int(row.owner)
            let message =
                bases[number].refusal
                ?? "Node '\(name)' has no model for \(quoted(row.key)): no reference with such a key was fitted."
            bases[number].modelRow = 0
            enterUnfired(
                node: node, key: row.key, cause: bases[number].refusal == nil ? row.cause : 0, message: message, &notes)
            dispose(number, &notes)
        case .edges:
            if !isTold && known.candidates.agree(with: row.key) {
                let source = nodes[nodes[node].sources[side]].name
                let message =
                    "Node '\(name)' joins its inputs, and the reference \(quoted(row.key)) from '\(source)' agrees with no "
                    + "combination of the others; give every input the same labels, or join=\"product\"."
                enterUnfired(node: node, key: row.key, cause: row.cause, message: message, &notes)
            }
            unhold(row.owner, nodes[node].ports[side], &notes)
        }
    }

    /// A row that nothing alive uses is done with when all of its combinations have been made.
    mutating func settle(
        _ node: Int, _ stage: JoinStage, side: Int, _ number: UInt64, _ notes: inout [PlannerNote]
    ) {
        guard let row = states[node].joins[stage.rawValue][side, number], row.alive == 0, !row.isWaiting else { return }
        let expected: Int
        if let known = row.expected {
            expected = known
        } else {
            expected = count(row, node, stage, side: side)
            let open = known.endQuestion()
            if !open.isEmpty {
                waitRow(node, stage, side: side, number, open)
                return
            }
            states[node].joins[stage.rawValue].update(side: side, number) { $0.expected = expected }
        }
        guard row.made >= expected else { return }
        precondition(row.made == expected, "A reference at \(nodes[node].name) has more partners than planned")
        states[node].joins[stage.rawValue].remove(side: side, number)
        switch (stage, side) {
        case (.edges, _):
            unhold(row.owner, nodes[node].ports[side], &notes)
        case (.models, 0):
            bases[Int(row.owner)].modelRow = 0
            dispose(Int(row.owner), &notes)
        case (.models, _):
            unhold(row.owner, nodes[node].modelPort, &notes)
        }
    }

    private mutating func count(_ row: JoinRow, _ index: Int, _ stage: JoinStage, side: Int) -> Int {
        let node = nodes[index]
        var count = 0
        switch (stage, side) {
        case (.edges, _):
            _ = plannedKeys.combinations(at: node, agreeingWith: .empty, fixed: (side, row.key), &known) { _, _ in
                count += 1
                return true
            }
        case (.models, 0):
            guard let model = node.model else { return 0 }
            plannedKeys.entries(of: model, agreeingWith: row.key, &known) { key, known in
                if let key = key.merged(with: row.key), known.candidates.agree(with: key) { count += 1 }
                return true
            }
        case (.models, _):
            _ = plannedKeys.bases(of: node, agreeingWith: row.key, &known) { base, known in
                if base.isRefused { return true }
                if let key = base.key.merged(with: row.key), known.candidates.agree(with: key) { count += 1 }
                return true
            }
        }
        return count
    }

    private mutating func waitRow(
        _ node: Int, _ stage: JoinStage, side: Int, _ number: UInt64, _ open: [KnownRelations.Splitting]
    ) {
        let isWaiting = states[node].joins[stage.rawValue].update(side: side, number) { row in
            defer { row.isWaiting = true }
            return row.isWaiting
        }
        if !isWaiting { wait(for: open, .row(node: node, stage, side: side, number)) }
    }

    mutating func wait(for open: [KnownRelations.Splitting], _ question: SplitWaiter.Question) {
        let waiter = waiters.insert(SplitWaiter(question: question, remaining: open.count))
        for splitting in open { waitersOf[splitting, default: []].append(waiter) }
    }

    /// A splitter's firing has ended: who waited for it last asks again.
    mutating func wake(_ splitting: KnownRelations.Splitting, _ notes: inout [PlannerNote]) {
        for waiter in waitersOf.removeValue(forKey: splitting) ?? [] {
            waiters[waiter].remaining -= 1
            guard waiters[waiter].remaining == 0 else { continue }
            let question = waiters[waiter].question
            waiters.remove(waiter)
            switch question {
            case .group(let number):
                countMembers(number, &notes)
                closeIfComplete(number, &notes)
            case .row(let node, let stage, let side, let number):
                states[node].joins[stage.rawValue].update(side: side, number) { $0.isWaiting = false }
                seekPartner(node, stage, side: side, number, &notes)
                settle(node, stage, side: side, number, &notes)
            }
        }
    }
}
