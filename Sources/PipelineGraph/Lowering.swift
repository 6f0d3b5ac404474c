import AnabranchCore

extension Plan {
    /// Compiles graph × mode into plan nodes, every rule of the semantics spelled out.
    ///
    /// Throws for the first thing that is wrong with the request, before anything runs.
    public static func lowering(_ request: RunRequest) throws(GraphError) -> Plan {
        let topology = try request.graph.topology()
        try request.validate(topology)
        var lowering = Lowering(request, topology)
        switch request.options.mode {
        case .fit: try lowering.fit()
        case .transform, .predict: try lowering.apply()
        case .score: try lowering.score()
        case .crossValidate: try lowering.crossValidate()
        }
        return lowering.draft.finished(candidates: request.options.candidates ?? request.candidatesOfModels)
    }
}

/// One request on its way to a plan. What lowering does for each mode stands in the extensions.
struct Lowering {
    let request: RunRequest
    let topology: Topology
    var draft: PlanDraft
    /// Equal lists of inputs are one source: a reference given to several nodes is one reference.
    private var sources: [[InputEntry]: PlanNodeIndex] = [:]

    init(_ request: RunRequest, _ topology: Topology) {
        self.request = request
        self.topology = topology
        draft = PlanDraft(request.graph)
    }

    /// What the nodes of one phase read and offer, by graph node.
    struct Relations {
        /// What nodes without incoming edges read.
        var starts: [NodeIndex: PlanEdge]
        var outputs: [NodeIndex: PlanEdge] = [:]
        var models: [NodeIndex: PlanEdge] = [:]
    }

    func node(_ index: NodeIndex) -> Node { request.graph.nodes[index.position] }

    /// The run's inputs as a phase's starts.
    mutating func starts(_ demand: Demand, phase: Phase) -> [NodeIndex: PlanEdge] {
        var starts: [NodeIndex: PlanEdge] = [:]
        for index in topology.order where topology.isSource(index) && demand.running.contains(index) {
            let entries = request.inputs[index] ?? []
            if sources[entries] == nil {
                sources[entries] = draft.addSource(
                    node(index).name + ":inputs", node: index, phase: phase, keys: entries.map(\.key),
                    origin: .inputs(index))
            }
            starts[index] = sources[entries].map { PlanEdge($0) }
        }
        return starts
    }

    /// How `index` reads its edges when it is not fitted over a list.
    func reading(_ index: NodeIndex, _ relations: Relations) throws(GraphError) -> Reading {
        let node = node(index)
        if let start = relations.starts[index] { return .single(start) }
        let sources = topology.sources[index.position]
        let edges = sources.compactMap { relations.outputs[$0] }
        let names = sources.map { self.node($0).name }
        if node.kind == .or { return .alternatives(edges, sources: names) }
        // A fit over a list concatenates the rows of each edge; its model is applied to the same number of them.
        if node.isFittedOverList, edges.count == 1 { return .single(edges[0]) }
        try refuseProductOfFolds(node, edges)
        let together = Reading.together(edges, product: node.join == .product, sources: names)
        if node.over.isEmpty || node.isFittedOverList { return together }
        return together.gathered(over: try over(index, edges), missing: node.missing)
    }

    private func refuseProductOfFolds(_ node: Node, _ edges: [PlanEdge]) throws(GraphError) {
        guard node.join == .product, request.options.mode == .crossValidate else { return }
        let fold = Dimension.fold(Self.runFoldOwner)
        let folded = edges.filter { draft.dimensions(of: [$0]).contains(fold) }
        if folded.count > 1 { throw .productOfFolds(node: node.name) }
    }

    /// The dimensions that `over=` names, among those that can reach the node.
    ///
    /// In later modes there need not be a list of inputs where the fit had one: a table on its own is a list of one.
    func over(_ index: NodeIndex, _ edges: [PlanEdge]) throws(GraphError) -> Set<Dimension> {
        let names = DimensionNames(draft.dimensions(of: edges))
        var found: Set<Dimension> = []
        for name in node(index).over {
            do throws(DimensionNameError) {
                found.insert(try names.resolve(name))
            } catch {
                let isList = [Dimension.partition.shortName, Dimension.partition.fullName].contains(name)
                if case .unknown = error, isList, !request.options.mode.fits { continue }
                throw .over(node: node(index).name, error)
            }
        }
        return found
    }

    /// A function's, native function's or splitter's plan node; the same in every phase.
    mutating func addStateless(
        _ index: NodeIndex, phase: Phase, suffix: String, demand: Demand, relations: inout Relations
    ) throws(GraphError) {
        let node = node(index)
        var made = planned(index, try reading(index, relations), .function, phase, suffix: suffix)
        if let splits = node.splitDimension {
            made.operation = .split
            made.emits = [splits]
        }
        made.setVariants(of: node)
        made.setDemand(demand, index)
        relations.outputs[index] = PlanEdge(try draft.add(made))
    }

    func planned(
        _ index: NodeIndex, _ reading: Reading, _ operation: Operation, _ phase: Phase, suffix: String = ""
    ) -> PlanNode {
        PlanNode(
            name: node(index).name + suffix, node: index, operation: operation, phase: phase, rule: reading.rule,
            inputs: reading.edges, via: reading.via, viaLabels: reading.viaLabels, inputForm: reading.form)
    }
}

extension Node {
    /// One model for a list of references.
    var isFittedOverList: Bool { role.isFitted && fit != .each }
}

extension PlanNode {
    mutating func setVariants(of node: Node) {
        variantDimension = node.variantDimension
        variantCount = node.variantCount
    }

    mutating func setDemand(_ demand: Demand, _ index: NodeIndex) {
        wantsOutput = demand.outputs.contains(index)
        keepsOutput = demand.kept.contains(index)
        wantsScore = demand.scored.contains(index)
    }
}
