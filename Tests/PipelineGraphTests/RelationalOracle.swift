import AnabranchCore
import PipelineGraph

/// The semantics by nested loops: every relation whole, one node after another, written from the rules alone.
struct RelationalOracle {
    struct Entry {
        var node: PlanNodeIndex
        var key: Key
        var isWell: Bool
        var name: String { "\(node):\(key)" }
    }

    /// What firings start from: rows of entries (one per edge that takes part).
    private struct Base {
        var key: Key
        var items: [[Entry]]
        var edge = 0
        var isWell: Bool
        var isRefused = false
        /// A group's members, failed ones too.
        var members: [[Entry]] = []
    }

    let plan: Plan
    let fates: Fates
    private(set) var relations: [[Entry]] = []
    private(set) var happenings: [Happening] = []
    /// For each firing, run or not: the entries that it waits for, and of these the ones that it reads, with their ports.
    private(set) var reads: [(node: PlanNodeIndex, key: Key, waits: [String], of: [String])] = []
    let sizeLimit: Int

    /// Firings of a splitter share a key, so that its answer cannot be told by it: no plan should.
    var hasAmbiguousSplits: Bool {
        plan.nodes.indices.contains { index in
            let keys = reads.filter { Int($0.node.rawValue) == index }.map(\.key)
            return !plan.nodes[index].emits.isEmpty && Set(keys).count < keys.count
        }
    }

    private(set) var isTooBig = false
    /// Members of a group have the same key (natural joins of references with different dimensions make such).
    private(set) var hasTies = false

    init(plan: Plan, fates: Fates, sizeLimit: Int = .max) {
        self.plan = plan
        self.fates = fates
        self.sizeLimit = sizeLimit
        for index in plan.nodes.indices {
            relations.append([])
            evaluate(PlanNodeIndex(UInt32(index)), plan.nodes[index])
            if relations[index].count > sizeLimit { isTooBig = true }
            if isTooBig { return }
        }
    }

    private func isWanted(_ key: Key) -> Bool {
        plan.candidates.map { $0.contains { $0.agrees(with: key) } } ?? true
    }

    private func relation(_ edge: PlanEdge) -> [Entry] { relations[Int(edge.source.rawValue)] }

    private mutating func evaluate(_ index: PlanNodeIndex, _ node: PlanNode) {
        if case .source = node.rule {
            relations[Int(index.rawValue)] = (plan.sourceKeys[index] ?? []).map {
                Entry(node: index, key: $0, isWell: true)
            }
            return
        }
        for base in bases(index, node) { fire(base, index, node) }
    }

    private mutating func bases(_ index: PlanNodeIndex, _ node: PlanNode) -> [Base] {
        switch node.rule {
        case .source: return []
        case .union: return alternatives(node)
        case .join(let product): return combinations(index, node, product: product)
        case .gather(let over, let product, let missing):
            let members =
                node.via == nil ? combinations(index, node, product: product) : alternatives(node)
            return groups(members, node, over: over, product: product, missing: missing)
        }
    }

    private func alternatives(_ node: PlanNode) -> [Base] {
        var bases: [Base] = []
        for (edge, input) in node.inputs.enumerated() {
            for entry in relation(input) {
                var key = entry.key
                if let via = node.via { key = key.setting(via, to: node.viaLabels[edge]) }
                guard isWanted(key) else { continue }
                bases.append(Base(key: key, items: [[entry]], edge: edge, isWell: entry.isWell))
            }
        }
        return bases
    }

    /// Every choice of one entry from each edge.
    private mutating func choices(_ node: PlanNode) -> [[Entry]] {
        var choices: [[Entry]] = [[]]
        for input in node.inputs {
            choices = choices.flatMap { chosen in relation(input).map { chosen + [$0] } }
            if choices.count > 20 * min(sizeLimit, 1 << 40) {
                isTooBig = true
                return []
            }
        }
        return node.inputs.isEmpty ? [] : choices
    }

    private mutating func combinations(_ index: PlanNodeIndex, _ node: PlanNode, product: Bool) -> [Base] {
        var bases: [Base] = []
        var isPartnered = node.inputs.map { Array(repeating: false, count: relation($0).count) }
        for chosen in choices(node) {
            guard let key = product ? productKey(chosen.map(\.key), node) : joinKey(chosen.map(\.key)), isWanted(key)
            else { continue }
            bases.append(Base(key: key, items: [chosen], isWell: chosen.allSatisfy(\.isWell)))
            for (edge, entry) in chosen.enumerated() {
                for (place, other) in relation(node.inputs[edge]).enumerated() where other.key == entry.key {
                    isPartnered[edge][place] = true
                }
            }
        }
        if product || node.inputs.count < 2 || isTooBig { return bases }
        // Dropped references are errors; the same key on several edges is told once.
        var told: Set<Key> = []
        for (edge, input) in node.inputs.enumerated() {
            var here: Set<Key> = []
            for (place, entry) in relation(input).enumerated()
            where !isPartnered[edge][place] && !told.contains(entry.key) {
                here.insert(entry.key)
                guard isWanted(entry.key) else { continue }
                record(index, entry.key, entry.isWell ? .refused : .skipped)
                relations[Int(index.rawValue)].append(Entry(node: index, key: entry.key, isWell: false))
            }
            told.formUnion(here)
        }
        return bases
    }

    private func joinKey(_ keys: [Key]) -> Key? {
        for left in keys { for right in keys where !left.agrees(with: right) { return nil } }
        return keys.reduce(Key.empty) { $0.merged(with: $1) ?? $0 }
    }

    private func productKey(_ keys: [Key], _ node: PlanNode) -> Key? {
        var parts: [Key.Part] = []
        for (edge, key) in keys.enumerated() {
            for part in key.parts {
                let labels = keys.compactMap { $0[part.dimension] }
                var named: [Key.Part] = Set(labels).count == 1 ? [part] : []
                if labels.count > 1 {
                    let dimension = Dimension(
                        kind: part.dimension.kind, owner: part.dimension.owner + "@" + sourceName(node, edge),
                        positional: part.dimension.positional)
                    named.append(Key.Part(dimension, part.label))
                }
                for part in named where !parts.contains(part) { parts.append(part) }
            }
        }
        return Key(parts)
    }

    private func sourceName(_ node: PlanNode, _ edge: Int) -> String {
        let names = node.inputs.map { plan.nodes[Int($0.source.rawValue)].name }
        return names.filter { $0 == names[edge] }.count > 1 ? "\(names[edge]):\(edge + 1)" : names[edge]
    }

    private mutating func groups(
        _ members: [Base], _ node: PlanNode, over: Set<Dimension>, product: Bool, missing: MissingPolicy
    ) -> [Base] {
        func stands(_ dimension: Dimension, for gathered: Dimension) -> Bool {
            dimension == gathered
                || product
                    && node.inputs.indices.contains {
                        dimension.kind == gathered.kind
                            && dimension.owner == gathered.owner + "@" + sourceName(node, $0)
                    }
        }
        var keys: [Key] = []
        var byGroup: [Key: [Base]] = [:]
        for member in members {
            let key = member.key.removing { dimension in over.contains { stands(dimension, for: $0) } }
            if byGroup[key] == nil { keys.append(key) }
            byGroup[key, default: []].append(member)
        }
        return keys.map { key in
            let members = byGroup[key] ?? []
            let lacking = members.contains { member in
                member.isWell
                    && !over.allSatisfy { gathered in
                        member.key.dimensions.contains { stands($0, for: gathered) }
                    }
            }
            if Set(members.map(\.key)).count < members.count { hasTies = true }
            let well = members.filter(\.isWell).sorted { $0.key < $1.key }
            let isWell = missing == .drop ? !well.isEmpty : well.count == members.count
            return Base(
                key: key, items: well.flatMap(\.items), isWell: isWell, isRefused: lacking,
                members: members.flatMap(\.items))
        }
    }

    private mutating func fire(_ base: Base, _ index: PlanNodeIndex, _ node: PlanNode) {
        guard let model = node.model else {
            vary(base, key: base.key, model: nil, index, node)
            return
        }
        var isServed = false
        for entry in relation(model) {
            guard let key = base.key.merged(with: entry.key), isWanted(key) else { continue }
            isServed = true
            vary(base, key: key, model: entry, index, node)
        }
        if isServed { return }
        let waits = (base.members.isEmpty ? base.items : base.members).joined()
        reads.append((index, base.key, waits.map(\.name), []))
        record(index, base.key, base.isRefused || base.isWell ? .refused : .skipped)
        relations[Int(index.rawValue)].append(Entry(node: index, key: base.key, isWell: false))
    }

    private mutating func vary(_ base: Base, key: Key, model: Entry?, _ index: PlanNodeIndex, _ node: PlanNode) {
        guard let dimension = node.variantDimension else {
            end(base, key: key, model: model, index, node)
            return
        }
        for label in 0..<Int64(node.variantCount) {
            guard let varied = key.merged(with: Key.empty.setting(dimension, to: .integer(label))), isWanted(varied)
            else { continue }
            end(base, key: varied, model: model, index, node)
        }
    }

    private mutating func end(_ base: Base, key: Key, model: Entry?, _ index: PlanNodeIndex, _ node: PlanNode) {
        var ending = Ending.succeeded
        if base.isRefused {
            ending = .refused
        } else if !base.isWell || model?.isWell == false {
            ending = .skipped
        } else if fates.fails(index, key) {
            ending = .failed
        }
        var used = base.items.enumerated().flatMap { _, item in
            item.enumerated().map { place, entry in
                "\(entry.name)/\(node.inputs[item.count > 1 ? place : edge(of: entry, base, node)].port)"
            }
        }
        if let model, let port = node.model?.port { used.append("\(model.name)/\(port)") }
        let waits = (base.members.isEmpty ? base.items : base.members).joined() + (model.map { [$0] } ?? [])
        reads.append((index, key, waits.map(\.name), used))
        guard ending == .succeeded || ending == .failed else {
            record(index, key, ending)
            relations[Int(index.rawValue)].append(Entry(node: index, key: key, isWell: false))
            return
        }
        happenings.append(
            Happening(
                node: index, key: key, ending: ending, items: base.items.map { $0.map(\.name) }, model: model?.name))
        if ending == .failed || node.emits.isEmpty {
            relations[Int(index.rawValue)].append(Entry(node: index, key: key, isWell: ending == .succeeded))
            return
        }
        for part in fates.parts(index, key) {
            guard let whole = key.merged(with: part) else { continue }
            relations[Int(index.rawValue)].append(Entry(node: index, key: whole, isWell: true))
        }
    }

    private func edge(of entry: Entry, _ base: Base, _ node: PlanNode) -> Int {
        if case .union = node.rule { return base.edge }
        return node.inputs.firstIndex { $0.source == entry.node } ?? 0
    }

    private mutating func record(_ index: PlanNodeIndex, _ key: Key, _ ending: Ending) {
        happenings.append(Happening(node: index, key: key, ending: ending))
    }
}
