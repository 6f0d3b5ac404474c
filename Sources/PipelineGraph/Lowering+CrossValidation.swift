import AnabranchCore

extension Lowering {
    /// Cross validation: folds are cut from the inputs; fits read their training rows, scores their test rows.
    mutating func crossValidate() throws(GraphError) {
        let scoring = try Demand.scoring(request, topology)
        let fitting = Demand.fitting(for: scoring, request, topology)
        let fitted = fitting.running.filter { node($0).role.isFitted }
        try request.validateY(topology, needing: fitted.union(scoring.scored))

        let folds = try addRunSplits(starts(scoring, phase: .split))
        var fits = Relations(starts: folds)
        try addFits(fitting, &fits)

        var scores = Relations(starts: folds.mapValues { PlanEdge($0.source, .test) }, models: fits.models)
        try addApplications(scoring, phase: .score, suffix: ":score", &scores)

        guard request.options.returnTrainScore else { return }
        // Outputs of the fit phase would not do: an estimator's fit_transform may differ from its transform.
        var trainScores = Relations(starts: folds, models: fits.models)
        let trainScoring = try Demand.trainScoring(request, topology)
        try addApplications(trainScoring, phase: .trainScore, suffix: ":train-score", &trainScores)
    }

    /// One splitter for each distinct list of inputs, all with folds of one owner: lists whose keys agree are cut alike.
    /// It cuts across the positions of a list, and within each combination of the other dimensions.
    private mutating func addRunSplits(_ starts: [NodeIndex: PlanEdge]) throws(GraphError) -> [NodeIndex: PlanEdge] {
        var splits: [PlanEdge: PlanEdge] = [:]
        for input in Set(starts.values).sorted(by: { $0.source < $1.source }) {
            let across = draft.dimensions(of: [input]).filter(\.isListPosition)
            let reading = Reading.single(input).gathered(over: across, missing: .fail)
            let split = PlanNode(
                name: Self.runFoldOwner, node: nil, operation: .foldSplit, phase: .split, rule: reading.rule,
                inputs: reading.edges, emits: [.fold(Self.runFoldOwner)] + across.sorted(), inputForm: reading.form)
            splits[input] = PlanEdge(try draft.add(split))
        }
        return starts.compactMapValues { splits[$0] }
    }
}
