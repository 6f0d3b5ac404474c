import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct LoweringFitTests {
    private let founding = graph(
        [.transformer("pre"), .predictor("tree"), .predictor("boost", variants: 2), .and("vote")],
        ["pre": ["tree", "boost"], "tree": ["vote"], "boost": ["vote"]])

    @Test func fitsEveryNodeAndKeepsWhatEndsTheGraph() throws {
        #expect(
            try Plan.lowering(RunRequest(founding, .fit)).outline == [
                "pre fit/fit union [pre:inputs] output",
                "tree fit/fit union [pre] output",
                "boost fit/fit union [pre] boost×2 output",
                "vote function/fit join [tree boost] edges output kept",
            ])
    }

    @Test func aPredictorThatEndsTheGraphPredictsOnlyOnRequest() throws {
        let line = graph([.transformer("pre"), .predictor("tree")], ["pre": ["tree"]])
        #expect(try Plan.lowering(RunRequest(line, .fit)).node("tree")?.wantsOutput == false)
        let asked = graph(
            [.transformer("pre"), .predictor("tree").with { $0.keepOutput = true }], ["pre": ["tree"]])
        let tree = try #require(Plan.lowering(RunRequest(asked, .fit)).node("tree"))
        #expect(tree.wantsOutput && tree.keepsOutput)
        let all = try Plan.lowering(RunRequest(line, .fit) { $0.keepOutputs = true })
        #expect(["pre", "tree"].allSatisfy { all.node($0)?.keepsOutput == true })
    }

    @Test func aTransformerThatEndsTheGraphIsKept() throws {
        let plan = try Plan.lowering(RunRequest(graph([.transformer("pca")]), .fit))
        #expect(plan.outline == ["pca fit/fit union [pca:inputs] output kept"])
    }

    @Test func modelsAreKeptUnlessNotWanted() throws {
        #expect(try Plan.lowering(RunRequest(founding, .fit)).node("boost")?.keepsModel == true)
        let dropped = try Plan.lowering(RunRequest(founding, .fit) { $0.keepModels = false })
        #expect(dropped.nodes.allSatisfy { !$0.keepsModel })
    }

    @Test func sourcesStandForTheRequestsLists() throws {
        let fork = graph([.transformer("a"), .transformer("b"), .and("c")], ["a": ["c"], "b": ["c"]])
        var request = RunRequest(fork, .fit, inputs: partitions(2))
        let shared = try Plan.lowering(request)
        #expect(shared.origins == [PlanNodeIndex(0): .inputs(NodeIndex(0))])
        #expect(shared.sourceKeys == [PlanNodeIndex(0): partitions(2).map(\.key)])
        request.inputs[NodeIndex(1)] = partitions(2).map { InputEntry(key: $0.key, data: data("other")) }
        let apart = try Plan.lowering(request)
        #expect(
            apart.origins == [PlanNodeIndex(0): .inputs(NodeIndex(0)), PlanNodeIndex(1): .inputs(NodeIndex(1))])
    }

    @Test func laterNodesAreDeeper() throws {
        let plan = try Plan.lowering(RunRequest(founding, .crossValidate) { $0.returnTrainScore = true })
        var depths: [Int] = []
        for node in plan.nodes {
            let sources = (node.inputs + [node.model].compactMap { $0 }).map { depths[$0.source.position] }
            depths.append((sources.max() ?? -1) + 1)
        }
        #expect(depths == depths.sorted())
    }

    @Test func aSplitterEmitsItsDimension() throws {
        let cut = graph([.splitter("cut", splits: "carrier"), .predictor("tree")], ["cut": ["tree"]])
        #expect(
            try Plan.lowering(RunRequest(cut, .fit)).outline == [
                "cut split/fit union [cut:inputs] emits=data:carrier output",
                "tree fit/fit union [cut]",
            ])
    }

    @Test func missingYIsRefusedBeforeAnythingRuns() {
        let tree = graph([.predictor("tree").with { $0.needsY = true }])
        let withoutY = [InputEntry(key: .empty, data: Data(x: View(object: object("X"))))]
        for mode in [Mode.fit, .crossValidate] {
            #expect(throws: GraphError.missingY(node: "tree", source: "tree", .empty)) {
                try Plan.lowering(RunRequest(tree, mode, inputs: withoutY))
            }
        }
        #expect(throws: GraphError.missingY(node: "tree", source: "tree", .empty)) {
            try Plan.lowering(RunRequest(tree, .score, inputs: withoutY, models: ["tree": [.empty]]))
        }
        #expect(throws: Never.self) {
            try Plan.lowering(RunRequest(tree, .predict, inputs: withoutY, models: ["tree": [.empty]]))
        }
    }
}
