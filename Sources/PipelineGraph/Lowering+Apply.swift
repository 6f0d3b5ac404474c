import AnabranchCore

extension Lowering {
    /// Transform and predict mode.
    mutating func apply() throws(GraphError) {
        let demand = try Demand.applying(request, topology)
        var relations = Relations(starts: starts(demand, phase: .apply))
        relations.models = try addModels(demand, phase: .apply)
        try addApplications(demand, phase: .apply, suffix: "", &relations)
    }

    mutating func score() throws(GraphError) {
        let demand = try Demand.scoring(request, topology)
        try request.validateY(topology, needing: demand.scored)
        var relations = Relations(starts: starts(demand, phase: .score))
        relations.models = try addModels(demand, phase: .score)
        try addApplications(demand, phase: .score, suffix: ":score", &relations)
    }

    /// Everything that runs, over models that `relations` has.
    mutating func addApplications(
        _ demand: Demand, phase: Phase, suffix: String, _ relations: inout Relations
    ) throws(GraphError) {
        for index in topology.order where demand.running.contains(index) {
            guard node(index).role.isFitted else {
                try addStateless(index, phase: phase, suffix: suffix, demand: demand, relations: &relations)
                continue
            }
            var apply = planned(index, try reading(index, relations), .apply, phase, suffix: suffix)
            apply.model = relations.models[index]
            apply.setDemand(demand, index)
            relations.outputs[index] = PlanEdge(try draft.add(apply))
        }
    }

    /// Sources of an earlier run's models. Positions of that run's lists become a choice of model: they are renamed, and
    /// so join with no position of this run.
    private mutating func addModels(_ demand: Demand, phase: Phase) throws(GraphError) -> [NodeIndex: PlanEdge] {
        var models: [NodeIndex: PlanEdge] = [:]
        for index in topology.order where demand.running.contains(index) && node(index).role.isFitted {
            let name = node(index).name
            guard let entries = request.models[index], !entries.isEmpty else { throw .missingModels(node: name) }
            var keys: [Key] = []
            var seen: Set<Key> = []
            for entry in entries {
                guard let key = entry.key.asModelOfEarlierRun, seen.insert(key).inserted else {
                    throw .duplicateModel(node: name, entry.key)
                }
                keys.append(key)
            }
            let source = draft.addSource(
                name + ":models", node: index, phase: phase, keys: keys, origin: .models(index))
            models[index] = PlanEdge(source, .model)
        }
        return models
    }
}

extension Key {
    /// Nil when the new name is taken, which only a key of no fit can have.
    fileprivate var asModelOfEarlierRun: Key? {
        Key(parts.map { $0.dimension.isListPosition ? Part(.data("fit." + $0.dimension.owner), $0.label) : $0 })
    }
}
