import AnabranchCore
import PipelineGraph

/// SplitMix64: the same numbers for the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

/// Plans of every rule, in shapes that no lowering would make too.
enum RandomPlan {
    static func make(_ random: inout SeededGenerator) -> Plan {
        var nodes: [PlanNode] = []
        var sourceKeys: [PlanNodeIndex: [Key]] = [:]
        var dimensions: [[Dimension]] = []
        let sourceCount = Int.random(in: 1...3, using: &random)
        let count = sourceCount + Int.random(in: 1...7, using: &random)
        for index in 0..<count {
            let place = PlanNodeIndex(UInt32(index))
            if index < sourceCount {
                nodes.append(PlanNode(name: "n\(index)", node: nil, operation: .source, phase: .fit, rule: .source))
                let keys = keys(&random)
                sourceKeys[place] = keys
                dimensions.append(Array(Set(keys.flatMap(\.dimensions))).sorted())
                continue
            }
            // One product a plan: the oracle does not know how names are told apart below another.
            let hasProduct = nodes.contains { $0.rule == .join(product: true) || isProductGather($0) }
            var node = node(index, mayBeProduct: !hasProduct, &random)
            var reached = Set(node.inputs.flatMap { dimensions[Int($0.source.rawValue)] })
            reached.formUnion(node.model.map { dimensions[Int($0.source.rawValue)] } ?? [])
            if case .gather(_, let product, let missing) = node.rule {
                let pool = reached.sorted() + (random.chance(10) ? [Dimension.data("elsewhere")] : [])
                let over = pool.shuffled(using: &random).prefix(Int.random(in: 1...2, using: &random))
                if over.isEmpty {
                    node.rule = .union
                    node.inputs = [node.inputs[0]]
                } else {
                    node.rule = .gather(over: Set(over), product: product, missing: missing)
                }
            }
            name(&node, index, &random)
            if let via = node.via { reached.insert(via) }
            if let variant = node.variantDimension { reached.insert(variant) }
            dimensions.append((reached.union(node.emits)).sorted())
            nodes.append(node)
        }
        let candidates = random.chance(40) ? candidates(nodes, dimensions, &random) : nil
        return Plan(nodes: nodes, sourceKeys: sourceKeys, candidates: candidates)
    }

    private static func keys(_ random: inout SeededGenerator) -> [Key] {
        let pool: [(Dimension, [Label])] = [
            (.partition, [0, 1, 2]), (.data("carrier"), ["AA", "UA", 7]), (.data("year"), [2013, -1]),
        ]
        let chosen = pool.filter { _ in random.chance(40) }
        var keys: [Key] = [.empty]
        for (dimension, labels) in chosen {
            let some = labels.shuffled(using: &random).prefix(Int.random(in: 1...labels.count, using: &random))
            keys = keys.flatMap { key in some.map { key.setting(dimension, to: $0) } }
        }
        if random.chance(15) {
            keys = keys.map { key in random.chance(30) ? key.removing { $0 == .partition } : key }
        }
        if random.chance(10) { keys = keys.filter { _ in random.chance(70) } }
        var seen: Set<Key> = []
        return keys.filter { seen.insert($0).inserted }
    }

    private static func isProductGather(_ node: PlanNode) -> Bool {
        if case .gather(_, true, _) = node.rule { true } else { false }
    }

    private static func node(_ index: Int, mayBeProduct: Bool, _ random: inout SeededGenerator) -> PlanNode {
        func edge(_ random: inout SeededGenerator) -> PlanEdge {
            PlanEdge(
                PlanNodeIndex(UInt32(Int.random(in: max(0, index - 4)..<index, using: &random))),
                random.chance(80) ? .data : random.chance(50) ? .test : .model)
        }
        let kind = Int.random(in: 0..<100, using: &random)
        let width = kind < 40 && random.chance(60) ? 1 : Int.random(in: 1...3, using: &random)
        var inputs: [PlanEdge] = []
        for _ in 0..<width { inputs.append(edge(&random)) }
        let rule: FiringRule
        switch kind {
        case ..<40: rule = .union
        case ..<65: rule = .join(product: false)
        case ..<70: rule = .join(product: mayBeProduct)
        default:
            rule = .gather(
                over: [], product: mayBeProduct && random.chance(10), missing: random.chance(40) ? .drop : .fail)
        }
        let operation: PipelineGraph.Operation = random.chance(40) ? .fit : .function
        var node = PlanNode(name: "n\(index)", node: nil, operation: operation, phase: .fit, rule: rule, inputs: inputs)
        if random.chance(20) { node.model = PlanEdge(edge(&random).source, .model) }
        if random.chance(35) {
            node.variantDimension = .variant("n\(index)")
            node.variantCount = UInt32.random(in: 1...3, using: &random)
        }
        return node
    }

    /// Alternatives need labels; some nodes split.
    private static func name(_ node: inout PlanNode, _ index: Int, _ random: inout SeededGenerator) {
        var isAlternatives = node.rule == .union && node.inputs.count > 1
        if case .gather(_, false, _) = node.rule, node.inputs.count > 1, random.chance(30) { isAlternatives = true }
        if isAlternatives {
            var sources: Set<PlanNodeIndex> = []
            node.inputs = node.inputs.filter { sources.insert($0.source).inserted }
            if node.inputs.count > 1 {
                let names = node.inputs.map { "n\($0.source)" }
                node.via = .via(names)
                node.viaLabels = names.map { .text($0) }
            }
        }
        if random.chance(18) {
            node.operation = random.chance(50) ? .split : .foldSplit
            node.emits = [random.chance(50) ? .fold("n\(index)") : .data("part\(index)")]
            if random.chance(10) { node.emits.append(.data("second\(index)")) }
        }
    }

    private static func candidates(
        _ nodes: [PlanNode], _ dimensions: [[Dimension]], _ random: inout SeededGenerator
    ) -> [Key] {
        var rows: [Key] = []
        let vias = nodes.compactMap { node in node.via.map { ($0, node.viaLabels) } }
        let fixed = Set(nodes.compactMap(\.variantDimension).filter { _ in random.chance(70) })
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            var row = Key.empty
            for node in nodes {
                guard let dimension = node.variantDimension, fixed.contains(dimension), random.chance(90) else {
                    continue
                }
                row = row.setting(
                    dimension, to: .integer(Int64.random(in: 0..<Int64(node.variantCount), using: &random)))
            }
            if random.chance(20), let (via, labels) = vias.randomElement(using: &random) {
                row = row.setting(via, to: labels.randomElement(using: &random) ?? 0)
            }
            if random.chance(15) { row = row.setting(.data("carrier"), to: random.chance(50) ? "AA" : "UA") }
            if random.chance(5), let dimension = nodes.compactMap(\.variantDimension).first {
                row = row.setting(dimension, to: 9)
            }
            rows.append(row)
        }
        return rows
    }

    /// Endings that depend on seed, node and key alone.
    static func fates(_ plan: Plan, seed: UInt64, failing percent: Int) -> Fates {
        func generator(_ node: PlanNodeIndex, _ key: Key) -> SeededGenerator {
            var hash = seed ^ (UInt64(node.rawValue) &* 0x1000_0000_01B3)
            for byte in key.parts.flatMap({ "\($0.dimension)=\($0.label);".utf8 }) {
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
            }
            return SeededGenerator(seed: hash)
        }
        return Fates(
            fails: { node, key in
                var random = generator(node, key)
                return random.chance(percent)
            },
            parts: { node, key in
                var random = generator(node, key)
                _ = random.next()
                let count = random.chance(10) ? 0 : Int.random(in: 1...3, using: &random)
                let emits = plan.nodes[Int(node.rawValue)].emits
                return (0..<Int64(count)).map { label in
                    let parts = emits.enumerated().map {
                        Key.Part($1, $0 == 0 ? Label.integer(label) : Label.text("x\(label % 2)"))
                    }
                    return Key(parts) ?? .empty
                }
            })
    }
}
