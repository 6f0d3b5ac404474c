import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct LoweringApplyTests {
    private let founding = graph(
        [
            .transformer("pre"), .predictor("tree"), .predictor("boost", variants: 2),
            .and("vote").with { $0.emitsPredictions = true },
        ],
        ["pre": ["tree", "boost"], "tree": ["vote"], "boost": ["vote"]])

    private let models = [
        "pre": [Key.empty], "tree": [.empty], "boost": [key([.variant("boost"): 0]), key([.variant("boost"): 1])],
    ]

    @Test func predictAppliesModelsAndKeepsWhatEndsTheGraph() throws {
        let plan = try Plan.lowering(RunRequest(founding, .predict, models: models))
        #expect(
            plan.outline == [
                "pre apply/apply union [pre:inputs] model=pre:models.model output",
                "tree apply/apply union [pre] model=tree:models.model output",
                "boost apply/apply union [pre] model=boost:models.model output",
                "vote function/apply join [tree boost] edges output kept",
            ])
        let source = try #require(plan.nodes.firstIndex { $0.name == "boost:models" })
        let index = PlanNodeIndex(UInt32(source))
        #expect(plan.origins[index] == .models(NodeIndex(2)))
        #expect(plan.sourceKeys[index] == models["boost"])
    }

    @Test func transformLeavesPredictorsAtTheEndOut() throws {
        let line = graph([.transformer("a"), .transformer("b"), .predictor("tree")], ["a": ["b"], "b": ["tree"]])
        let plan = try Plan.lowering(RunRequest(line, .transform, models: ["a": [.empty], "b": [.empty]]))
        #expect(
            plan.outline == [
                "a apply/apply union [a:inputs] model=a:models.model output",
                "b apply/apply union [a] model=b:models.model output kept",
            ])
    }

    @Test func transformRefusesAGraphOfPredictorsOnly() {
        let stack = graph([.predictor("a"), .predictor("tree")], ["a": ["tree"]])
        for predictors in [graph([.predictor("tree")]), stack] {
            #expect(throws: GraphError.nothingToTransform) { try Plan.lowering(RunRequest(predictors, .transform)) }
        }
    }

    @Test func transformUsesThePredictionsThatAFunctionReads() throws {
        let plan = try Plan.lowering(RunRequest(founding, .transform, models: models))
        #expect(plan.node("tree")?.wantsOutput == true && plan.node("vote")?.keepsOutput == true)
    }

    @Test func scoreScoresBesideAndPredictsOnlyForAReader() throws {
        #expect(
            try Plan.lowering(RunRequest(founding, .score, models: models)).outline == [
                "pre:score apply/score union [pre:inputs] model=pre:models.model output",
                "tree:score apply/score union [pre:score] model=tree:models.model output score",
                "boost:score apply/score union [pre:score] model=boost:models.model output score",
                "vote:score function/score join [tree:score boost:score] edges score",
            ])
    }

    @Test func scoreRunsOnlyWhatSomethingScoredReads() throws {
        let side = graph(
            [.transformer("pre"), .transformer("report"), .predictor("tree")], ["pre": ["report", "tree"]])
        let plan = try Plan.lowering(RunRequest(side, .score, models: ["pre": [.empty], "tree": [.empty]]))
        #expect(plan.node("report:score") == nil && plan.node("tree:score")?.wantsOutput == false)
        #expect(throws: GraphError.nothingToScore) {
            try Plan.lowering(RunRequest(graph([.transformer("pre")]), .score, models: ["pre": [.empty]]))
        }
    }

    @Test func inLaterModesATableOnItsOwnIsAListOfOne() throws {
        let rows = graph(
            [.transformer("pre"), .and("rows", over: ["partition"]), .predictor("tree")],
            ["pre": ["rows"], "rows": ["tree"]])
        let models = ["pre": [Key.empty], "tree": [.empty]]
        let whole = [InputEntry(key: .empty, data: data())]
        let plan = try Plan.lowering(RunRequest(rows, .predict, inputs: whole, models: models))
        #expect(plan.outline[1] == "rows function/apply union [pre] list output")
        let cut = try Plan.lowering(RunRequest(rows, .predict, inputs: partitions(2), models: models))
        #expect(cut.outline[1] == "rows function/apply gather(data:partition[]) [pre] list output")
        #expect(throws: GraphError.over(node: "rows", .unknown("partition", known: []))) {
            try Plan.lowering(RunRequest(rows, .fit, inputs: whole))
        }
    }

    @Test func aNativeFunctionIsNotScored() {
        let native = Node(
            name: "vote", kind: .and, role: .native, nativeFunction: "vote", emitsPredictions: true)
        let voting = graph(
            [.predictor("a"), .predictor("b"), native], ["a": ["vote"], "b": ["vote"]])
        let models = ["a": [Key.empty], "b": [.empty]]
        #expect(throws: GraphError.nativeScore(node: "vote")) {
            try Plan.lowering(RunRequest(voting, .score, models: models))
        }
        #expect(throws: Never.self) { try Plan.lowering(RunRequest(voting, .predict, models: models)) }
    }

    @Test(arguments: [Mode.predict, .score]) func aNodeThatRunsNeedsAModel(mode: Mode) {
        #expect(throws: GraphError.missingModels(node: "tree")) {
            try Plan.lowering(RunRequest(founding, mode, models: models.filter { $0.key != "tree" }))
        }
    }

    @Test func positionsOfTheFitBecomeAChoiceOfModel() throws {
        let tree = graph([.predictor("tree")])
        let fitted = (0..<2).map { key([.partition: .integer($0), .data("carrier"): "AA"]) }
        let plan = try Plan.lowering(RunRequest(tree, .predict, models: ["tree": fitted]))
        let keys = plan.sourceKeys.first { plan.origins[$0.key] == .models(NodeIndex(0)) }?.value
        #expect(keys == (0..<2).map { key([.data("fit.partition"): .integer($0), .data("carrier"): "AA"]) })
        #expect(plan.dimensions == [.partition, .data("fit.partition"), .data("carrier")])
    }

    @Test func twoModelsOfOneKeyAreRefused() {
        let tree = graph([.predictor("tree")])
        let twice = [key([.partition: 0]), key([.partition: 0])]
        #expect(throws: GraphError.duplicateModel(node: "tree", key([.partition: 0]))) {
            try Plan.lowering(RunRequest(tree, .predict, models: ["tree": twice]))
        }
    }

    @Test func aStatelessNodesVariantsRunInEveryPhase() throws {
        let line = graph([.function("f", variants: 2), .predictor("tree", variants: 3)], ["f": ["tree"]])
        let fitted = [key([.variant("f"): 0, .variant("tree"): 2])]
        let plan = try Plan.lowering(RunRequest(line, .predict, models: ["tree": fitted]))
        #expect(plan.node("f")?.variantDimension == .variant("f") && plan.node("f")?.variantCount == 2)
        #expect(plan.node("tree")?.variantDimension == nil)
    }
}
