import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct LoweringCrossValidationTests {
    private let founding = graph(
        [
            .transformer("pre"), .predictor("tree"), .predictor("boost", variants: 2),
            .and("vote").with { $0.emitsPredictions = true },
        ],
        ["pre": ["tree", "boost"], "tree": ["vote"], "boost": ["vote"]])

    @Test func fitsReadTrainingRowsAndScoresReadTestRows() throws {
        #expect(
            try Plan.lowering(RunRequest(founding, .crossValidate, inputs: partitions(3))).outline == [
                "cv foldSplit/split gather(data:partition[]) [pre:inputs] emits=fold:cv+data:partition[] list",
                "pre fit/fit union [cv] output",
                "tree fit/fit union [pre]",
                "boost fit/fit union [pre] boost×2",
                "pre:score apply/score union [cv.test] model=pre.model output",
                "tree:score apply/score union [pre:score] model=tree.model output score",
                "boost:score apply/score union [pre:score] model=boost.model output score",
                "vote:score function/score join [tree:score boost:score] edges score",
            ])
    }

    @Test func noFitReadsTestRows() throws {
        let stack = graph(
            [.predictor("a"), .predictor("b"), .and("both"), .predictor("meta")],
            ["a": ["both"], "b": ["both"], "both": ["meta"]])
        for graph in [founding, stack] {
            let plan = try Plan.lowering(RunRequest(graph, .crossValidate) { $0.returnTrainScore = true })
            #expect(plan.fitsThatSeeTestRows.isEmpty)
            #expect(plan.nodes.contains { $0.operation == .fit })
        }
    }

    @Test func trainScoresApplyTheModelToTrainingRows() throws {
        let line = graph([.transformer("pre"), .predictor("tree")], ["pre": ["tree"]])
        let plan = try Plan.lowering(RunRequest(line, .crossValidate) { $0.returnTrainScore = true })
        #expect(
            plan.outline.filter { $0.contains("trainScore") } == [
                "pre:train-score apply/trainScore union [cv] model=pre.model output",
                "tree:train-score apply/trainScore union [pre:train-score] model=tree.model score",
            ])
    }

    @Test func foldsAreCutWithinNamedDimensions() throws {
        let inputs = ["AA", "BB"].map { InputEntry(key: key([.data("carrier"): .text($0)]), data: data($0)) }
        let plan = try Plan.lowering(RunRequest(founding, .crossValidate, inputs: inputs))
        #expect(plan.outline.first == "cv foldSplit/split union [pre:inputs] emits=fold:cv list")
    }

    @Test func eachDistinctListIsCutOnce() throws {
        let fork = graph(
            [.transformer("a"), .transformer("b"), .predictor("tree", kind: .and)], ["a": ["tree"], "b": ["tree"]])
        var request = RunRequest(fork, .crossValidate)
        #expect(try Plan.lowering(request).nodes.count { $0.operation == .foldSplit } == 1)
        request.inputs[NodeIndex(1)] = [InputEntry(key: key([.partition: 0]), data: data("other"))]
        let splits = try Plan.lowering(request).nodes.filter { $0.operation == .foldSplit }
        #expect(splits.count == 2 && splits.allSatisfy { $0.node == nil && $0.emits == [.fold("cv"), .partition] })
    }

    @Test func onlyWhatSomethingScoredNeedsIsFitted() throws {
        let side = graph(
            [.transformer("pre"), .transformer("report"), .function("log"), .predictor("tree")],
            ["pre": ["report", "log", "tree"]])
        let plan = try Plan.lowering(RunRequest(side, .crossValidate))
        #expect(plan.nodes.map(\.name) == ["pre:inputs", "cv", "pre", "tree", "pre:score", "tree:score"])
    }

    @Test func onRequestOutputsOnTestRowsAreKept() throws {
        let asked = founding.replacing("vote") { $0.keepOutput = true }
        let plan = try Plan.lowering(RunRequest(asked, .crossValidate) { $0.returnTrainScore = true })
        #expect(plan.nodes.filter(\.keepsOutput).map(\.name) == ["vote:score"])
        #expect(plan.node("vote") == nil)
    }

    @Test func innerFoldsAreCutFromTrainingRows() throws {
        let stack = graph([.predictor("base"), .predictor("meta")], ["base": ["meta"]])
        let plan = try Plan.lowering(RunRequest(stack, .crossValidate))
        #expect(
            plan.outline.contains("base:inner-split foldSplit/split union [cv] emits=fold:base list internal"))
        #expect(plan.outline.contains("meta:score apply/score union [base:score] model=meta.model score"))
    }

    @Test func foldsOfTheInputsAreNotCutAgain() {
        let inputs = [InputEntry(key: key([.fold("cv"): 1]), data: data())]
        #expect(throws: GraphError.dimensionTaken(node: "cv", .fold("cv"))) {
            try Plan.lowering(RunRequest(founding, .crossValidate, inputs: inputs))
        }
    }
}
