import AnabranchCore

@testable import PipelineGraph

/// A request lowered and driven to its end by the planner alone: every firing ends at once, as the test says.
struct DrivenRun {
    struct Fired {
        let name: String
        let key: Key
        /// Keys of what it read, as `Firing.items`.
        let items: [[Key]]
        let model: Key?
        let node: PlanNode
    }

    let plan: Plan
    private let request: RunRequest
    private(set) var fired: [Fired] = []
    private(set) var skipped: [(name: String, key: Key, cause: String)] = []
    private(set) var refused: [(name: String, key: Key, message: String)] = []
    private(set) var isCompleted = false
    /// The most outputs of firings that had to be held at one time, because something was still to read them.
    private(set) var mostHeld = 0
    private var held: Set<EntryID> = []
    private var names: [EntryID: String] = [:]
    private var keys: [EntryID: Key] = [:]

    /// `splits` are the labels that each splitter answers in every phase, by its name in the graph; folds are numbered
    /// from 0. `slots` firings run at a time.
    init(
        _ request: RunRequest, slots: Int = 16, folds: Int = 5, splits: [String: [Label]] = [:],
        failing: (String, Key) -> Bool = { _, _ in false }
    ) throws {
        self.request = request
        plan = try Plan.lowering(request)
        var planner = Planner(plan: plan)
        var notes: [PlannerNote] = []
        var firings: [Firing] = []
        planner.start(notes: &notes)
        read(&notes)
        repeat {
            firings.removeAll()
            planner.next(slots, firings: &firings, notes: &notes)
            read(&notes)
            for firing in firings {
                let node = plan.nodes[firing.node.position]
                names[firing.entry] = node.name
                keys[firing.entry] = firing.key
                record(firing, node)
                if failing(node.name, firing.key) {
                    planner.failed(firing.entry, notes: &notes)
                } else if node.emits.isEmpty {
                    held.insert(firing.entry)
                    planner.succeeded(firing.entry, notes: &notes)
                } else {
                    let parts = parts(of: node, firing, folds: folds, splits: splits)
                    planner.split(firing.entry, parts: parts, notes: &notes)
                }
                read(&notes)
            }
        } while !firings.isEmpty
    }

    /// Firings of the plan node with this name.
    func firings(_ name: String) -> [Fired] { fired.filter { $0.name == name } }

    func count(_ name: String) -> Int { firings(name).count }

    func keys(_ name: String) -> [Key] { firings(name).map(\.key).sorted() }

    private mutating func record(_ firing: Firing, _ node: PlanNode) {
        let items = firing.items.map { $0.compactMap { keys[$0] } }
        fired.append(
            Fired(name: node.name, key: firing.key, items: items, model: firing.model.flatMap { keys[$0] }, node: node))
    }

    /// One part for each label; folds are cut across the items, so one for each fold and item.
    private func parts(of node: PlanNode, _ firing: Firing, folds: Int, splits: [String: [Label]]) -> [Key] {
        let first = node.emits[0]
        guard node.operation == .foldSplit else {
            let name = node.node.map { request.graph.nodes[$0.position].name } ?? node.name
            return (splits[name] ?? []).map { Key.empty.setting(first, to: $0) }
        }
        let across = Set(node.emits.dropFirst())
        return (0..<folds).flatMap { fold in
            firing.items.compactMap { item in
                keys[item[0]]?.projected(where: across.contains).setting(first, to: .integer(Int64(fold)))
            }
        }
    }

    private mutating func read(_ notes: inout [PlannerNote]) {
        for note in notes {
            switch note {
            case .partEntered(let entry, let node, _, _, let key):
                names[entry] = plan.nodes[node.position].name
                keys[entry] = key
            case .skipped(_, let node, let key, let cause):
                skipped.append((plan.nodes[node.position].name, key, names[cause] ?? "?"))
            case .refused(let entry, let node, let key, let message):
                names[entry] = plan.nodes[node.position].name
                refused.append((plan.nodes[node.position].name, key, message))
            case .released(let entry, let port): if port == .data { held.remove(entry) }
            case .completed: isCompleted = true
            }
        }
        notes.removeAll()
        mostHeld = max(mostHeld, held.count)
    }
}
