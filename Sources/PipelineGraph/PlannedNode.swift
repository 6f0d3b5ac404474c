import AnabranchCore

/// A plan node as the planner reads it. Immutable, and a class only because it is passed about for every firing: a
/// value of so many arrays would cost more to copy than the firing to find.
final class PlannedNode: Sendable {
    enum Rule: Sendable {
        case source
        case union
        case join(product: Bool)
        case gather(Gathering)
    }

    struct Gathering: Sendable {
        /// Per gathered dimension, the names under which a key may have it: several only for a product.
        let names: [[UInt32]]
        /// All of them, sorted.
        let removed: [UInt32]
        let isProduct: Bool
        let dropsMissing: Bool
        /// The union of the edges is grouped, not their join.
        let ofAlternatives: Bool

        func isMember(_ key: CompactKey) -> Bool {
            names.allSatisfy { names in names.contains { key.label(at: $0) != nil } }
        }
    }

    let index: Int
    let name: String
    let rule: Rule
    let sources: [Int]
    let ports: [Port]
    let model: Int?
    let modelPort: Port
    let variant: (dimension: UInt32, count: UInt32)?
    /// Per edge, the part that says which alternative it is; empty without `via`.
    let viaParts: [UInt64]
    let viaDimension: UInt32?
    let emits: [UInt32]
    let readers: [PlanTopology.Reader]
    /// Ports that an entry of this node has, or that somebody reads.
    let entryPorts: [Port]
    /// Edges, the one with the most dimensions first: in this order a question about combinations is narrowed soonest.
    let edgeOrder: [Int]
    /// Dimensions that keys of the node's entries may have.
    let entryDimensions: [UInt32]
    /// Per edge, the dimensions that no other edge of this node may have.
    let ownDimensions: [[UInt32]]
    /// For a product: per edge, the name there of a dimension that several edges may have.
    let qualified: [[UInt32: UInt32]]
    /// The nearest node above whose entries have the same keys, or this one.
    let sameKeysAs: Int
    let depth: Int

    init(
        index: Int, node: PlanNode, sources nodes: [PlannedNode], readers: [PlanTopology.Reader],
        candidatesConstrain: Bool, vocabulary: PlanVocabulary.Node, codec: inout KeyCodec
    ) {
        self.index = index
        name = node.name
        sources = node.inputs.map { Int($0.source.rawValue) }
        ports = node.inputs.map(\.port)
        model = node.model.map { Int($0.source.rawValue) }
        modelPort = node.model?.port ?? .model
        variant = node.variantDimension.map { (codec.ordinal($0), node.variantCount) }
        let via = node.via.map(codec.ordinal)
        viaDimension = via
        if let via {
            var parts: [UInt64] = []
            for label in node.viaLabels { parts.append(CompactKey.part(via, codec.code(label))) }
            precondition(parts.count == node.inputs.count, "Node \(node.name) has a via label for each of its edges")
            viaParts = parts
        } else {
            viaParts = []
        }
        switch node.rule {
        case .source: rule = .source
        case .union: rule = .union
        case .join(let product): rule = .join(product: product)
        case .gather(let over, let product, let missing):
            let names = codec.ordinals(over).map { dimension in
                [dimension]
                    + vocabulary.qualified.compactMap { $0[codec.dimensions[Int(dimension)]].map(codec.ordinal) }
            }
            rule = .gather(
                Gathering(
                    names: names, removed: names.joined().sorted(), isProduct: product, dropsMissing: missing == .drop,
                    ofAlternatives: via != nil))
        }
        emits = codec.ordinals(node.emits)
        self.readers = readers
        let made: [Port] =
            switch node.operation {
            case .fit: [.data, .model]
            case .split, .foldSplit: [.data, .test]
            case .source, .apply, .function, .collectFolds: [.data]
            }
        let read = Set(readers.map(\.port))
        entryPorts = [Port.data, .test, .model].filter { made.contains($0) || read.contains($0) }
        entryDimensions = codec.ordinals(vocabulary.entry)
        qualified = vocabulary.qualified.map { names in
            Dictionary(uniqueKeysWithValues: names.map { (codec.ordinal($0), codec.ordinal($1)) })
        }
        let sourceDimensions = sources.map { nodes[$0].entryDimensions }
        edgeOrder = sources.indices.sorted {
            let (a, b) = (sourceDimensions[$0].count, sourceDimensions[$1].count)
            return a == b ? $0 < $1 : a > b
        }
        ownDimensions = sourceDimensions.indices.map { edge in
            sourceDimensions[edge].filter { dimension in
                sourceDimensions.indices.allSatisfy { $0 == edge || !sourceDimensions[$0].contains(dimension) }
            }
        }
        let isPlain = sources.count == 1 && model == nil && variant == nil && viaParts.isEmpty && emits.isEmpty
        if case .union = rule, isPlain, !candidatesConstrain || !nodes[sources[0]].isSource {
            sameKeysAs = nodes[sources[0]].sameKeysAs
        } else {
            sameKeysAs = index
        }
        let above = sources + (model.map { [$0] } ?? [])
        depth = (above.map { nodes[$0].depth }.max() ?? -1) + 1
    }

    var isUnion: Bool { if case .union = rule { true } else { false } }

    var isSource: Bool { if case .source = rule { true } else { false } }

    /// Entries of its edges are matched with each other before they are grouped or fire.
    var joinsEdges: Bool {
        switch rule {
        case .source, .union: false
        case .join: sources.count > 1
        case .gather(let gathering): !gathering.ofAlternatives && sources.count > 1
        }
    }

    var isProduct: Bool {
        switch rule {
        case .source, .union: false
        case .join(let product): product
        case .gather(let gathering): gathering.isProduct
        }
    }
}
