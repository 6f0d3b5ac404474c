import AnabranchCore
import DequeModule

/// Decides what fires: from a plan, and from how firings end, it finds the next firings, the keys that cannot run, and the
/// entries that nobody will read again.
///
/// A value without clock, randomness or input and output: the same plan and the same order of endings give the same
/// firings in the same order. Ready work is held as cursors and made into firings only by `next`, so that a plan of
/// a million tasks is never a million objects. Keys that will come are never guessed: `PlannedKeys` enumerates them.
public struct Planner: Sendable {
    let nodes: [PlannedNode]
    let plannedKeys: PlannedKeys
    var codec: KeyCodec
    var known: KnownRelations
    private let sourceKeys: [[CompactKey]]
    var states: [NodeState]
    var entries: [UInt64: EntryRow] = [:]
    var bases = Slab<FiringBase>()
    var groups = Slab<GatherGroup>()
    var waiters = Slab<SplitWaiter>()
    var waitersOf: [KnownRelations.Splitting: [Int]] = [:]
    /// Ended entries that their readers have not been told of.
    var undelivered: Deque<UInt64> = []
    var ready: ReadyQueue
    var cursors = Slab<FiringCursor>()
    var combinations = Slab<CombinationCursor>()
    private var lastEntry: UInt64 = 0
    var runningCount = 0
    private var isStarted = false
    /// Every firing of the plan has ended.
    public private(set) var isCompleted = false

    /// The plan must be valid: nodes in topological order, `via` with a label for each edge, splitters whose inputs lack
    /// the dimensions that they add and whose firings have distinct keys.
    public init(plan: Plan) {
        let vocabulary = PlanVocabulary(plan: plan)
        var codec = KeyCodec(dimensions: vocabulary.all)
        let topology = PlanTopology(plan: plan, codec: &codec, vocabulary: vocabulary)
        nodes = topology.nodes
        plannedKeys = PlannedKeys(nodes: topology.nodes)
        ready = ReadyQueue(order: topology.order)
        var sourceKeys: [[CompactKey]] = []
        var indexes: [KeyIndex<CompactKey>] = []
        for (index, node) in topology.nodes.enumerated() {
            let keys = node.isSource ? plan.sourceKeys[PlanNodeIndex(UInt32(index))] ?? [] : []
            var compact: [CompactKey] = []
            var keyIndex = KeyIndex<CompactKey>()
            for (number, key) in keys.enumerated() {
                compact.append(codec.encode(key))
                keyIndex.insert(compact[number], number: UInt64(number))
            }
            sourceKeys.append(compact)
            indexes.append(keyIndex)
        }
        self.sourceKeys = sourceKeys
        var rows: [CompactKey]?
        if let candidates = plan.candidates {
            var compact: [CompactKey] = []
            compact.reserveCapacity(candidates.count)
            for candidate in candidates { compact.append(codec.encode(candidate)) }
            rows = compact
        }
        known = KnownRelations(sources: indexes, candidates: Candidates(rows))
        self.codec = codec
        states = topology.nodes.map { NodeState(node: $0) }
    }

    /// Enters the sources' entries (in `sourceKeys` order); must be called once.
    public mutating func start(notes: inout [PlannerNote]) {
        precondition(!isStarted, "A planner is started once")
        isStarted = true
        for node in nodes where node.isSource {
            for (part, key) in sourceKeys[node.index].enumerated() {
                let entry = enter(node: node.index, key: key)
                states[node.index].progress.planned += 1
                states[node.index].progress.succeeded += 1
                notes.append(
                    .partEntered(
                        EntryID(entry), node: PlanNodeIndex(UInt32(node.index)), of: nil, part: part,
                        key: codec.decode(key)))
                undelivered.append(entry)
                deliverAll(&notes)
            }
        }
        completeIfDone(&notes)
    }

    /// Hands out up to `limit` firings that are ready now, in the order of `ReadyQueue`: keys are finished before new ones
    /// are opened, deeper plan nodes first. Appends fewer when no more are ready.
    ///
    /// Keys that are to be skipped are found here as well: after a failure, call it until it appends fewer than `limit`.
    public mutating func next(_ limit: Int, firings: inout [Firing], notes: inout [PlannerNote]) {
        let target = firings.count + limit
        while firings.count < target, let work = ready.first {
            switch work {
            case .firings(let number): pullFiring(number, &firings, &notes)
            case .combinations(let number): pullCombination(number, &notes)
            }
            deliverAll(&notes)
        }
        completeIfDone(&notes)
    }

    public mutating func succeeded(_ entry: EntryID, notes: inout [PlannerNote]) {
        let (node, base, modelRow) = end(entry)
        precondition(nodes[node].emits.isEmpty, "The firing of a splitter ends with its parts")
        states[node].progress.succeeded += 1
        undelivered.append(entry.rawValue)
        deliverAll(&notes)
        finishUse(base: base, modelRow: modelRow, &notes)
        deliverAll(&notes)
        completeIfDone(&notes)
    }

    /// A splitter's firing ended with these parts (labels of `emits`, in the answer's order, each once); the dimension is
    /// closed for its key.
    public mutating func split(_ entry: EntryID, parts: [Key], notes: inout [PlannerNote]) {
        let (node, base, modelRow) = end(entry)
        precondition(!nodes[node].emits.isEmpty, "Only a splitter's firing ends with parts")
        states[node].progress.succeeded += 1
        guard let row = entries.removeValue(forKey: entry.rawValue) else { return }
        var labels: [CompactKey] = []
        labels.reserveCapacity(parts.count)
        for part in parts { labels.append(codec.encode(part)) }
        let splitting = KnownRelations.Splitting(node: node, key: row.key)
        known.close(splitting, .parts(labels, Set(labels)))
        for (part, label) in labels.enumerated() {
            guard label.hasDimensions(nodes[node].emits), let key = row.key.merged(with: label) else {
                preconditionFailure("Part \(part) of \(nodes[node].name) does not fit the dimensions it adds")
            }
            let made = enter(node: node, key: key)
            notes.append(
                .partEntered(
                    EntryID(made), node: PlanNodeIndex(UInt32(node)), of: entry, part: part, key: codec.decode(key)))
            undelivered.append(made)
            deliverAll(&notes)
        }
        wake(splitting, &notes)
        finishUse(base: base, modelRow: modelRow, &notes)
        deliverAll(&notes)
        completeIfDone(&notes)
    }

    public mutating func failed(_ entry: EntryID, notes: inout [PlannerNote]) {
        let (node, base, modelRow) = end(entry)
        states[node].progress.failed += 1
        fail(entry.rawValue, cause: entry.rawValue)
        closeSplitting(of: entry.rawValue, &notes)
        deliverAll(&notes)
        finishUse(base: base, modelRow: modelRow, &notes)
        deliverAll(&notes)
        completeIfDone(&notes)
    }

    /// The key of an entry that runs, or that a firing may still read.
    public func key(of entry: EntryID) -> Key? { entries[entry.rawValue].map { codec.decode($0.key) } }

    /// Per plan node, in the plan's order.
    public func progress() -> [PlanNodeProgress] {
        var all: [PlanNodeProgress] = []
        for (index, node) in nodes.enumerated() {
            var progress = states[index].progress
            let above = node.sources + (node.model.map { [$0] } ?? [])
            let mayGrow = above.contains { all[$0].isOpen || all[$0].ended < all[$0].planned }
            progress.isOpen = !isStarted || mayGrow || states[index].combinationCursors > 0
            all.append(progress)
        }
        return all
    }

    /// Objects held for work under way: bounded by the window of running firings, not by the plan's size.
    var liveCount: Int {
        let ofNodes = states.reduce(0) { $0 + $1.liveCount }
        let ofWork = bases.count + groups.count + cursors.count + combinations.count + waiters.count
        return entries.count + ofWork + ofNodes + known.keptAnswerCount
    }

    /// What questions about keys to come have cost so far, in keys looked at.
    var stepCount: Int { known.stepCount }

    mutating func enter(node: Int, key: CompactKey) -> UInt64 {
        lastEntry += 1
        entries[lastEntry] = EntryRow(node: node, key: key)
        return lastEntry
    }

    private mutating func end(_ entry: EntryID) -> (node: Int, base: Int, modelRow: UInt64) {
        guard let index = entries.index(forKey: entry.rawValue), entries.values[index].isRunning else {
            preconditionFailure("Entry \(entry) is not a running firing")
        }
        let row = entries.values[index]
        entries.values[index].base = -1
        runningCount -= 1
        states[row.node].progress.running -= 1
        return (row.node, row.base, row.modelRow)
    }

    private mutating func completeIfDone(_ notes: inout [PlannerNote]) {
        guard isStarted, !isCompleted, runningCount == 0, ready.isEmpty else { return }
        isCompleted = true
        notes.append(.completed)
    }
}
