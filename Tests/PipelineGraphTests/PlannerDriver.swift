import AnabranchCore

@testable import PipelineGraph

/// Drives a planner as a coordinator would, and checks on every step what must hold whatever the plan.
struct PlannerDriver {
    /// An entry's value, as a firing reads it.
    struct Reading: Hashable {
        var entry: EntryID
        var port: Port
    }

    let plan: Plan
    let fates: Fates
    private(set) var planner: Planner
    private(set) var running: [Firing] = []
    private(set) var started: [Firing] = []
    private(set) var happenings: [Happening] = []
    private(set) var notes: [PlannerNote] = []
    private(set) var released: Set<Reading> = []
    private(set) var violations: [String] = []
    private(set) var names: [EntryID: String] = [:]
    private var wellEntries: [EntryID: PlanNodeIndex] = [:]
    private var failedEntries: Set<EntryID> = []
    /// Running firings that read it.
    private var readers: [Reading: Int] = [:]
    private var completions = 0
    private(set) var greatestLiveCount = 0

    init(_ plan: Plan, fates: Fates = Fates()) {
        self.plan = plan
        self.fates = fates
        planner = Planner(plan: plan)
        var notes: [PlannerNote] = []
        planner.start(notes: &notes)
        take(notes)
    }

    var isCompleted: Bool { completions > 0 }

    /// Takes up to `limit` firings; answers how many there were.
    @discardableResult
    mutating func next(_ limit: Int) -> Int {
        var firings: [Firing] = []
        var notes: [PlannerNote] = []
        planner.next(limit, firings: &firings, notes: &notes)
        take(notes)
        if firings.count > limit { violations.append("next(\(limit)) gave \(firings.count)") }
        for firing in firings {
            for reading in inputs(of: firing) {
                readers[reading, default: 0] += 1
                if released.contains(reading) {
                    violations.append("\(firing.node)[\(firing.key)] reads \(told(reading)), which was released")
                }
            }
            names[firing.entry] = "\(firing.node):\(firing.key)"
            if planner.key(of: firing.entry) != firing.key { violations.append("key(of:) of \(firing.entry)") }
        }
        running += firings
        started += firings
        greatestLiveCount = max(greatestLiveCount, planner.liveCount)
        return firings.count
    }

    /// Ends the running firing at `place`, as the fates want it.
    mutating func end(_ place: Int) {
        let firing = running.remove(at: place)
        for reading in inputs(of: firing) {
            readers[reading] = readers[reading] == 1 ? nil : (readers[reading] ?? 0) - 1
        }
        let node = plan.nodes[Int(firing.node.rawValue)]
        let fails = fates.fails(firing.node, firing.key)
        happenings.append(
            Happening(
                node: firing.node, key: firing.key, ending: fails ? .failed : .succeeded,
                items: firing.items.map { $0.map { names[$0] ?? "?" } }, model: firing.model.map { names[$0] ?? "?" }))
        var notes: [PlannerNote] = []
        if fails {
            failedEntries.insert(firing.entry)
            planner.failed(firing.entry, notes: &notes)
        } else if node.emits.isEmpty {
            wellEntries[firing.entry] = firing.node
            planner.succeeded(firing.entry, notes: &notes)
        } else {
            planner.split(firing.entry, parts: fates.parts(firing.node, firing.key), notes: &notes)
        }
        take(notes)
    }

    /// Runs to the end, first come first served.
    mutating func run(window: Int = 4) {
        while true {
            next(window - running.count)
            if running.isEmpty { break }
            end(0)
        }
    }

    private func told(_ reading: Reading) -> String { "\(names[reading.entry] ?? "?")/\(reading.port)" }

    /// By the name that the oracle gives it.
    func isReleased(_ name: String, _ port: Port) -> Bool {
        released.contains { $0.port == port && names[$0.entry] == name }
    }

    func inputs(of firing: Firing) -> [Reading] {
        let node = plan.nodes[Int(firing.node.rawValue)]
        var inputs: [Reading] = []
        for item in firing.items {
            for (place, entry) in item.enumerated() {
                let edge: Int
                if case .union = node.rule {
                    edge = firing.edge
                } else if item.count > 1 {
                    edge = place
                } else {
                    edge = node.inputs.firstIndex { names[entry]?.hasPrefix("\($0.source):") ?? false } ?? 0
                }
                inputs.append(Reading(entry: entry, port: node.inputs[edge].port))
            }
        }
        if let model = firing.model, let edge = node.model { inputs.append(Reading(entry: model, port: edge.port)) }
        return inputs
    }

    private mutating func take(_ new: [PlannerNote]) {
        notes += new
        for note in new {
            if completions > 0 { violations.append("\(note) after completion") }
            switch note {
            case .partEntered(let entry, let node, _, _, let key):
                names[entry] = "\(node):\(key)"
                wellEntries[entry] = node
            case .skipped(let entry, let node, let key, let cause):
                names[entry] = "\(node):\(key)"
                happenings.append(Happening(node: node, key: key, ending: .skipped))
                if !failedEntries.contains(cause) { violations.append("cause \(cause) of \(entry) has not failed") }
            case .refused(let entry, let node, let key, let message):
                names[entry] = "\(node):\(key)"
                failedEntries.insert(entry)
                happenings.append(Happening(node: node, key: key, ending: .refused))
                let name = plan.nodes[Int(node.rawValue)].name
                if !message.contains(name) { violations.append("a refusal does not name its node: \(message)") }
            case .released(let entry, let port):
                let reading = Reading(entry: entry, port: port)
                let name = told(reading)
                if !released.insert(reading).inserted { violations.append("\(name) is released twice") }
                if wellEntries[entry] == nil { violations.append("\(name) is released, but has no value") }
                if readers[reading] != nil { violations.append("\(name) is released while a running firing reads it") }
            case .completed:
                completions += 1
            }
        }
    }

    /// What must hold once everything has ended.
    mutating func checkEnd() {
        if completions != 1 { violations.append("completed \(completions) times") }
        if !planner.isCompleted { violations.append("isCompleted is false") }
        if next(1) != 0 { violations.append("a firing after completion") }
        for (entry, node) in wellEntries {
            for port in ports(plan.nodes[Int(node.rawValue)], node) {
                let reading = Reading(entry: entry, port: port)
                if !released.contains(reading) { violations.append("\(told(reading)) is never released") }
            }
        }
        let left = planner.liveCount - planner.known.keptAnswerCount
        if left != 0 { violations.append("\(left) objects are left") }
        checkProgress()
    }

    private mutating func checkProgress() {
        for (index, progress) in planner.progress().enumerated() {
            let ours = happenings.filter { Int($0.node.rawValue) == index }
            var expected = PlanNodeProgress(isOpen: false)
            expected.succeeded = ours.filter { $0.ending == .succeeded }.count
            expected.failed = ours.filter { $0.ending == .failed || $0.ending == .refused }.count
            expected.skipped = ours.filter { $0.ending == .skipped }.count
            expected.planned = ours.count
            if case .source = plan.nodes[index].rule {
                expected.succeeded = plan.sourceKeys[PlanNodeIndex(UInt32(index))]?.count ?? 0
                expected.planned = expected.succeeded
            }
            if progress != expected { violations.append("progress of \(index): \(progress), not \(expected)") }
        }
    }

    private func ports(_ node: PlanNode, _ index: PlanNodeIndex) -> Set<Port> {
        var ports: Set<Port> = [.data]
        if node.operation == .fit { ports.insert(.model) }
        if node.operation == .split || node.operation == .foldSplit { ports.insert(.test) }
        for reader in plan.nodes {
            for edge in reader.inputs + (reader.model.map { [$0] } ?? []) where edge.source == index {
                ports.insert(edge.port)
            }
        }
        return ports
    }
}
