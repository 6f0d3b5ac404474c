import AnabranchCore

extension Lowering {
    /// Fit mode: models of every fitted node, outputs of what ends the graph.
    mutating func fit() throws(GraphError) {
        let demand = Demand.fitting(request, topology)
        try request.validateY(topology, needing: demand.running.filter { node($0).role.isFitted })
        var relations = Relations(starts: starts(demand, phase: .fit))
        try addFits(demand, &relations)
    }

    /// The fit phase of any mode that has one.
    mutating func addFits(_ demand: Demand, _ relations: inout Relations) throws(GraphError) {
        let feedingFits = feedingFits(demand)
        for index in topology.order where demand.running.contains(index) {
            let node = node(index)
            guard node.role.isFitted else {
                try addStateless(index, phase: .fit, suffix: "", demand: demand, relations: &relations)
                continue
            }
            let outOfFold = node.role == .predictor && !node.inSample && feedingFits.contains(index)
            let rows = try reading(index, relations)
            let list = try listReading(index, rows)
            if outOfFold {
                try addOutOfFold(index, rows: rows, over: list?.over, demand: demand, relations: &relations)
            }
            let readsFit = demand.outputs.contains(index) && list == nil && !outOfFold
            var fit = planned(index, list?.reading ?? rows, .fit, .fit)
            fit.setVariants(of: node)
            fit.wantsOutput = readsFit
            fit.keepsOutput = readsFit && demand.kept.contains(index)
            fit.keepsModel = request.options.keepModels
            fit.fitMethod = FitMethod(node.fit)
            let fitted = try draft.add(fit)
            relations.models[index] = PlanEdge(fitted, .model)
            if readsFit { relations.outputs[index] = PlanEdge(fitted) }
            if list != nil, !outOfFold, demand.outputs.contains(index) {
                var apply = planned(index, rows, .apply, .fit, suffix: ":apply")
                apply.model = PlanEdge(fitted, .model)
                apply.setDemand(demand, index)
                relations.outputs[index] = PlanEdge(try draft.add(apply))
            }
        }
    }

    /// For a node fitted over a list: how its fit reads, and the dimensions that its model loses. These are those of its
    /// `over=`, or else all that are positions of a list.
    private func listReading(
        _ index: NodeIndex, _ rows: Reading
    ) throws(GraphError) -> (reading: Reading, over: Set<Dimension>)? {
        let node = node(index)
        guard node.isFittedOverList else { return nil }
        let positions = draft.dimensions(of: rows.edges).filter(\.isListPosition)
        let over = node.over.isEmpty ? positions : try over(index, rows.edges)
        return (rows.gathered(over: over, missing: node.missing), over)
    }

    /// Nodes whose output reaches a fitted node, directly or through stateless nodes.
    private func feedingFits(_ demand: Demand) -> Set<NodeIndex> {
        var found: Set<NodeIndex> = []
        for index in topology.order.reversed() {
            let targets = topology.targets[index.position].filter(demand.running.contains)
            if targets.contains(where: { node($0).role.isFitted || found.contains($0) }) { found.insert(index) }
        }
        return found
    }
}

extension FitMethod {
    init(_ policy: FitPolicy) {
        self =
            switch policy {
            case .each: .each
            case .all: .all
            case .sequential: .sequential
            }
    }
}

extension Dimension {
    /// Made by a list of inputs: it means nothing in another run.
    var isListPosition: Bool { kind == .data && positional }
}
