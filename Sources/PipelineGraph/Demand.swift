import AnabranchCore

/// What a phase has to bring forth: which nodes run, and what for.
struct Demand: Hashable, Sendable {
    var running: Set<NodeIndex>
    /// Nodes whose output something reads: a node that runs, or the user.
    var outputs: Set<NodeIndex>
    /// Nodes whose output the user reads.
    var kept: Set<NodeIndex>
    var scored: Set<NodeIndex>

    private init(
        _ topology: Topology, running: Set<NodeIndex>, kept: Set<NodeIndex> = [], scored: Set<NodeIndex> = []
    ) {
        self.running = running
        self.kept = kept
        self.scored = scored
        outputs = running.filter { node in
            kept.contains(node) || topology.targets[node.position].contains(where: running.contains)
        }
    }

    /// Everything runs. The user reads what ends the graph, unless it is a predictor: nobody asked for predictions on
    /// the rows that it was fitted on.
    static func fitting(_ request: RunRequest, _ topology: Topology) -> Demand {
        let nodes = request.graph.nodes
        let sinks = topology.order.filter { topology.isSink($0) && nodes[$0.position].role != .predictor }
        return Demand(topology, running: Set(topology.order), kept: request.requested.union(sinks))
    }

    /// In transform, predictors that end the graph do not run; what then ends it is what the user reads.
    static func applying(_ request: RunRequest, _ topology: Topology) throws(GraphError) -> Demand {
        var ending = Set(topology.order)
        if request.options.mode == .transform {
            for node in topology.order.reversed() where request.graph.nodes[node.position].role == .predictor {
                if !topology.targets[node.position].contains(where: ending.contains) { ending.remove(node) }
            }
            if ending.isEmpty { throw .nothingToTransform }
        }
        let sinks = ending.filter { node in !topology.targets[node.position].contains(where: ending.contains) }
        let kept = request.requested.intersection(ending).union(sinks)
        return Demand(topology, running: topology.ancestors(including: kept), kept: kept)
    }

    /// Predictors, and functions that emit predictions, with all that they read.
    static func scoring(_ request: RunRequest, _ topology: Topology) throws(GraphError) -> Demand {
        let scored = try request.scored(topology)
        let kept = request.requested
        return Demand(topology, running: topology.ancestors(including: scored.union(kept)), kept: kept, scored: scored)
    }

    /// As `scoring`, but nothing is kept: on request one gets outputs on rows that were not fitted on.
    static func trainScoring(_ request: RunRequest, _ topology: Topology) throws(GraphError) -> Demand {
        let scored = try request.scored(topology)
        return Demand(topology, running: topology.ancestors(including: scored), scored: scored)
    }

    /// What `scoring` needs fitted, and what that reads.
    static func fitting(for scoring: Demand, _ request: RunRequest, _ topology: Topology) -> Demand {
        let fitted = scoring.running.filter { request.graph.nodes[$0.position].role.isFitted }
        return Demand(topology, running: topology.ancestors(including: fitted))
    }
}

extension RunRequest {
    /// Nodes whose output the user asked for by name, or with all others.
    fileprivate var requested: Set<NodeIndex> {
        Set(
            graph.nodes.indices
                .filter { options.keepOutputs || graph.nodes[$0].keepOutput }
                .map { NodeIndex(UInt32($0)) })
    }

    fileprivate func scored(_ topology: Topology) throws(GraphError) -> Set<NodeIndex> {
        var scored: [NodeIndex] = []
        for index in topology.order {
            let node = graph.nodes[index.position]
            if node.role == .native, node.emitsPredictions { throw .nativeScore(node: node.name) }
            if node.role == .predictor || node.role == .function && node.emitsPredictions { scored.append(index) }
        }
        if scored.isEmpty { throw .nothingToScore }
        return Set(scored)
    }
}
