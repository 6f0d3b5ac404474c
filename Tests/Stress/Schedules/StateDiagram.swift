/// The states of one machine and the steps between them, as `docs/state-machines.md` has them. `nil` is what has not begun,
/// or has ended.
struct StateDiagram<State: Hashable & Sendable>: Sendable {
    struct Step: Hashable, Sendable {
        let from: State?
        let to: State?

        var text: String { "\(Self.name(from)) → \(Self.name(to))" }

        private static func name(_ state: State?) -> String { state.map { "\($0)" } ?? "nothing" }
    }

    let name: String
    let steps: [Step]
    /// How often each step was seen alone.
    private(set) var counts: [Step: Int] = [:]
    /// What was seen and is not in the diagram, not even as several steps at once.
    private(set) var strange: Set<Step> = []
    private var passable: Set<Step> = []

    init(_ name: String, _ steps: [(State?, State?)]) {
        self.name = name
        self.steps = steps.map { Step(from: $0.0, to: $0.1) }
        for step in self.steps { counts[step] = 0 }
    }

    mutating func saw(_ from: State?, _ to: State?) {
        if from == to { return }
        let step = Step(from: from, to: to)
        if counts[step] != nil {
            counts[step]! += 1
        } else if !passable.contains(step) {
            if isPassable(step) { passable.insert(step) } else { strange.insert(step) }
        }
    }

    /// Whether a few steps in one turn explain it.
    private func isPassable(_ step: Step) -> Bool {
        var reached: Set<State?> = [step.from]
        for _ in 0..<4 {
            for edge in steps where reached.contains(edge.from) {
                if edge.to == step.to { return true }
                if edge.to != nil { reached.insert(edge.to) }
            }
        }
        return false
    }

    mutating func merge(_ other: StateDiagram) {
        for (step, count) in other.counts { counts[step, default: 0] += count }
        strange.formUnion(other.strange)
    }

    /// Steps that never happened, and such that the diagram does not have.
    var gaps: [String] {
        steps.filter { counts[$0] == 0 }.map { "\(name): \($0.text) never happened" }
            + strange.map { "\(name): \($0.text) happened and is not in the diagram" }.sorted()
    }

    var table: [String] {
        steps.map { step in
            let text = "\(name): \(step.text)"
            return text + String(repeating: " ", count: max(1, 46 - text.count)) + "\(counts[step] ?? 0)"
        }
    }
}
