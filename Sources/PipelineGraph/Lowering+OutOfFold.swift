import AnabranchCore

extension Lowering {
    /// A predictor before a fitted node emits, in fit, predictions of models that did not see the rows: an inner cross
    /// validation whose folds never leave it.
    ///
    /// `rows` is how the node reads its edges, `over` what a fit over a list gathers (nil: a model for each reference).
    /// The inner splitters apply the node's `via`, the inner fits its variants; so the collected keys are those of the
    /// full fit's outputs.
    mutating func addOutOfFold(
        _ index: NodeIndex, rows: Reading, over: Set<Dimension>?, demand: Demand, relations: inout Relations
    ) throws(GraphError) {
        let node = node(index)
        switch rows.rule {
        case .gather: throw .outOfFold(node: node.name, .gathers)
        case .join(product: true): throw .outOfFold(node: node.name, .product)
        case .source, .union, .join: break
        }
        let fold = Dimension.fold(Self.innerFoldOwner(node.name))
        let splits = try addInnerSplits(index, rows: rows, over: over ?? [], fold: fold)

        let train = Self.reading(splits, .data, like: rows)
        let trainList = over.map { train.gathered(over: $0, missing: node.missing) }
        var fit = planned(index, trainList ?? train, .fit, .fit, suffix: ":inner-fit")
        fit.setVariants(of: node)
        fit.fitMethod = FitMethod(node.fit)
        fit.isInternal = true
        let fitted = try draft.add(fit)

        var predict = planned(
            index, Self.reading(splits, .test, like: rows), .apply, .apply, suffix: ":inner-predict")
        predict.model = PlanEdge(fitted, .model)
        predict.wantsOutput = true
        predict.isInternal = true
        let predicted = try draft.add(predict)

        var collect = PlanNode(
            name: node.name + ":out-of-fold", node: index, operation: .collectFolds, phase: .combine,
            rule: .gather(over: [fold], product: false, missing: .fail),
            inputs: [PlanEdge(splits[0], .test), PlanEdge(predicted)], inputForm: .listOfEdges)
        collect.wantsOutput = true
        collect.keepsOutput = demand.kept.contains(index)
        collect.isInternal = !collect.keepsOutput
        relations.outputs[index] = PlanEdge(try draft.add(collect))
    }

    /// One splitter for alternatives; one per edge where edges are joined, with folds of one owner, so that they agree.
    private mutating func addInnerSplits(
        _ index: NodeIndex, rows: Reading, over: Set<Dimension>, fold: Dimension
    ) throws(GraphError) -> [PlanNodeIndex] {
        let readings = rows.form == .edges ? rows.edges.map(Reading.single) : [rows]
        var splits: [PlanNodeIndex] = []
        for reading in readings {
            let cut = over.intersection(draft.dimensions(of: reading.edges))
            var split = planned(
                index, reading.gathered(over: cut, missing: .fail), .foldSplit, .split, suffix: ":inner-split")
            split.emits = [fold] + cut.sorted()
            split.isInternal = true
            splits.append(try draft.add(split))
        }
        return splits
    }

    private static func reading(_ splits: [PlanNodeIndex], _ port: Port, like rows: Reading) -> Reading {
        let edges = splits.map { PlanEdge($0, port) }
        return rows.form == .edges ? .together(edges, product: false) : .single(edges[0])
    }

    /// The node's name, unless that is what the run's own folds are called.
    private static func innerFoldOwner(_ name: String) -> String {
        name == runFoldOwner ? name + ":inner" : name
    }

    /// Who cuts the folds of a cross validation.
    static let runFoldOwner = "cv"
}
