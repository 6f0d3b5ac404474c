import AnabranchCore
import PipelineGraph

/// Turns a firing into what a worker is asked to do: the plan says which operation, the graph's node brings the payload,
/// the run's options the rest.
struct WorkBuilder {
    let request: RunRequest
    let plan: Plan

    /// - Parameters:
    ///   - values: What the entries offer, those at least that the firing reads.
    ///   - key: The key of an entry.
    func work(
        for firing: Firing, values: [EntryID: EntryValue], key: (EntryID) -> Key?
    ) throws(WorkError) -> Work {
        let planNode = plan.nodes[Int(firing.node.rawValue)]
        let node = planNode.node.map { request.graph.nodes[Int($0.rawValue)] }
        let input = try input(of: firing, planNode, values)
        switch planNode.operation {
        case .source:
            throw .missingPayload(node: planNode.name)
        case .fit:
            return .fit(try fit(planNode, node, firing, input))
        case .apply:
            return .apply(try apply(planNode, node, firing, input, values))
        case .function:
            return try function(planNode, node, firing, input)
        case .collectFolds:
            return .combine(
                CombineWork(function: nil, input: input, output: planNode.wantsOutput, collectFolds: true))
        case .split:
            // A native splitter is told its dimension by its parameters.
            if let node, !node.nativeFunction.isEmpty { return .native(native(node, input, wantsOutput: true)) }
            return .split(split(planNode, node, firing, input, key))
        case .foldSplit:
            return .split(split(planNode, node, firing, input, key))
        }
    }

    private func fit(
        _ planNode: PlanNode, _ node: Node?, _ firing: Firing, _ input: Input
    ) throws(WorkError) -> FitWork {
        guard let node, let estimator = node.payload else { throw .missingPayload(node: planNode.name) }
        return FitWork(
            estimator: estimator, variant: variant(node, firing), method: planNode.fitMethod, train: input,
            output: planNode.wantsOutput, outputMethod: outputMethod(node), seed: request.options.seed)
    }

    private func apply(
        _ planNode: PlanNode, _ node: Node?, _ firing: Firing, _ input: Input, _ values: [EntryID: EntryValue]
    ) throws(WorkError) -> ApplyWork {
        guard let node, let entry = firing.model else { throw .missingPayload(node: planNode.name) }
        guard let model = values[entry]?.model else { throw .missingValue(entry, .model) }
        return ApplyWork(
            model: model, input: input, output: planNode.wantsOutput, outputMethod: outputMethod(node),
            score: planNode.wantsScore, scorers: planNode.wantsScore ? request.options.scorers : nil)
    }

    private func function(
        _ planNode: PlanNode, _ node: Node?, _ firing: Firing, _ input: Input
    ) throws(WorkError) -> Work {
        guard let node else { throw .missingPayload(node: planNode.name) }
        if node.role == .native {
            return .native(native(node, input, wantsOutput: planNode.wantsOutput))
        }
        guard let function = node.payload else { throw .missingPayload(node: planNode.name) }
        return .combine(
            CombineWork(
                function: function, variant: variant(node, firing), input: input, output: planNode.wantsOutput,
                score: planNode.wantsScore, scorers: planNode.wantsScore ? request.options.scorers : nil,
                seed: request.options.seed))
    }

    private func native(_ node: Node, _ input: Input, wantsOutput: Bool) -> NativeWork {
        NativeWork(
            function: node.nativeFunction, parameters: node.nativeParameters, input: input, output: wantsOutput)
    }

    private func split(
        _ planNode: PlanNode, _ node: Node?, _ firing: Firing, _ input: Input, _ key: (EntryID) -> Key?
    ) -> SplitWork {
        let folds = planNode.operation == .foldSplit
        var splitter = node?.payload
        if folds { splitter = node == nil ? request.options.splitter : node?.outOfFoldSplitter }
        var itemKeys: [Key] = []
        if case .gather = planNode.rule { itemKeys = firing.items.map { $0.first.flatMap(key) ?? .empty } }
        return SplitWork(
            splitter: splitter, input: input, folds: folds, seed: request.options.seed, emits: planNode.emits,
            itemKeys: itemKeys)
    }

    private func variant(_ node: Node, _ firing: Firing) -> Variant? {
        guard let list = node.variants, let index = firing.variant else { return nil }
        return Variant(list: list, index: index)
    }

    private func outputMethod(_ node: Node) -> String {
        guard node.role == .predictor else { return "" }
        return node.outputMethod.isEmpty ? "predict" : node.outputMethod
    }
}
