import AnabranchCore

extension Planner {
    /// A member has come to its group.
    mutating func gather(
        _ member: GatherGroup.Member, cause: UInt64, _ gathering: PlannedNode.Gathering, at node: PlannedNode,
        _ notes: inout [PlannerNote]
    ) {
        let key = member.key.removing(gathering.removed)
        let number: Int
        if let found = states[node.index].groups[key] {
            number = found
        } else {
            number = groups.insert(GatherGroup(node: node.index, key: key))
            states[node.index].groups[key] = number
        }
        groups[number].arrived += 1
        var dismissed: [GatherGroup.Member] = []
        if cause != 0 {
            if groups[number].cause == 0 { groups[number].cause = cause }
            dismissed.append(member)
        } else if !gathering.isMember(member.key) {
            if groups[number].refusal == nil {
                groups[number].refusal =
                    "Node '\(node.name)' gathers over \(names(gathering)), which the reference \(quoted(member.key)) lacks; "
                    + "every reference that reaches it must have it."
            }
            dismissed.append(member)
        } else {
            groups[number].members.append(member)
        }
        // A group that cannot fire reads none of its members.
        if groups[number].refusal != nil || (groups[number].cause != 0 && !gathering.dropsMissing) {
            dismissed += groups[number].members
            groups[number].members.removeAll()
        }
        for member in dismissed {
            release(member.entries, rows: member.rows, edges: [member.edge], node: node.index, &notes)
        }
        if groups[number].expected == nil && groups[number].arrived == 1 { countMembers(number, &notes) }
        closeIfComplete(number, &notes)
    }

    /// Asks how many members the group will have; waits for splitters where that is not known yet.
    mutating func countMembers(_ number: Int, _ notes: inout [PlannerNote]) {
        let group = groups[number]
        let node = nodes[group.node]
        guard case .gather(let gathering) = node.rule else { return }
        var count = 0
        _ = plannedKeys.members(of: node, agreeingWith: group.key, &known) { key, _ in
            if key.removing(gathering.removed) == group.key { count += 1 }
            return true
        }
        let open = known.endQuestion()
        if open.isEmpty { groups[number].expected = count } else { wait(for: open, .group(number)) }
    }

    mutating func closeIfComplete(_ number: Int, _ notes: inout [PlannerNote]) {
        guard let expected = groups[number].expected, groups[number].arrived >= expected else { return }
        let group = groups[number]
        precondition(group.arrived == expected, "A group of \(nodes[group.node].name) has more members than planned")
        groups.remove(number)
        states[group.node].groups[group.key] = nil
        let codec = self.codec
        let members = group.members.sorted { codec.precedes($0.key, $1.key) }
        // With missing members dropped, a group is skipped only when nothing is left of it.
        openBase(
            FiringBase(
                node: group.node, key: group.key, entries: members.flatMap(\.entries),
                width: members.first?.entries.count ?? 1, edges: members.map(\.edge), rows: members.flatMap(\.rows),
                cause: members.isEmpty && group.refusal == nil ? group.cause : 0, refusal: group.refusal), &notes)
    }

    private func names(_ gathering: PlannedNode.Gathering) -> String {
        gathering.names.compactMap(\.first).map { codec.dimensions[Int($0)].shortName }.joined(separator: ", ")
    }

    func quoted(_ key: CompactKey) -> String { "'\(codec.decode(key))'" }
}
