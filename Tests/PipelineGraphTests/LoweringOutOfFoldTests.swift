import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct LoweringOutOfFoldTests {
    private let stack = graph(
        [.transformer("s1"), .transformer("s2"), .predictor("base", variants: 3), .function("f"), .predictor("meta")],
        ["s1": ["base"], "s2": ["base"], "base": ["f"], "f": ["meta"]])

    @Test func aPredictorBeforeAFittedNodeEmitsOutOfFoldPredictions() throws {
        #expect(
            try Plan.lowering(RunRequest(stack, .fit)).outline == [
                "s1 fit/fit union [s1:inputs] output",
                "s2 fit/fit union [s1:inputs] output",
                "base:inner-split foldSplit/split union [s1 s2] via={s1, s2} emits=fold:base list internal",
                "base fit/fit union [s1 s2] via={s1, s2} base×3",
                "base:inner-fit fit/fit union [base:inner-split] base×3 internal",
                "base:inner-predict apply/apply union [base:inner-split.test] model=base:inner-fit.model output internal",
                "base:out-of-fold collectFolds/combine gather(fold:base) [base:inner-split.test base:inner-predict]"
                    + " listOfEdges output internal",
                "f function/fit union [base:out-of-fold] output",
                "meta fit/fit union [f]",
            ])
    }

    @Test func innerFoldsNeverLeave() throws {
        let plan = try Plan.lowering(RunRequest(stack, .fit))
        #expect(!plan.dimensions.contains { $0.kind == .fold })
        var gathering = stack
        gathering.nodes[3] = .and("f", over: ["fold"])
        #expect(
            throws: GraphError.over(
                node: "f",
                .unknown("fold", known: ["data:partition[]", "variant:base", "via:{s1, s2}"]))
        ) { try Plan.lowering(RunRequest(gathering, .fit)) }
    }

    @Test func inSampleOptsOut() throws {
        var inSample = stack
        inSample.nodes[2].inSample = true
        let plan = try Plan.lowering(RunRequest(inSample, .fit))
        #expect(plan.nodes.allSatisfy { $0.operation != .foldSplit })
        #expect(plan.node("base")?.wantsOutput == true)
    }

    @Test func withoutAFittedReaderItIsInSample() throws {
        let vote = graph(
            [.predictor("a"), .predictor("b"), .and("vote")], ["a": ["vote"], "b": ["vote"]])
        #expect(try Plan.lowering(RunRequest(vote, .fit)).nodes.allSatisfy { $0.operation != .foldSplit })
    }

    @Test func onRequestTheCollectedPredictionsAreShown() throws {
        var asked = stack
        asked.nodes[2].keepOutput = true
        let plan = try Plan.lowering(RunRequest(asked, .fit))
        let collected = try #require(plan.node("base:out-of-fold"))
        #expect(collected.keepsOutput && !collected.isInternal)
        #expect(plan.node("base")?.keepsOutput == false)
    }

    @Test func joinedEdgesAreCutAlike() throws {
        let and = graph(
            [.transformer("s1"), .transformer("s2"), .predictor("base", kind: .and), .predictor("meta")],
            ["s1": ["base"], "s2": ["base"], "base": ["meta"]])
        #expect(
            try Plan.lowering(RunRequest(and, .fit)).outline.dropFirst(2) == [
                "base:inner-split foldSplit/split union [s1] emits=fold:base list internal",
                "base:inner-split foldSplit/split union [s2] emits=fold:base list internal",
                "base fit/fit join [s1 s2] edges",
                "base:inner-fit fit/fit join [base:inner-split base:inner-split] edges internal",
                "base:inner-predict apply/apply join [base:inner-split.test base:inner-split.test]"
                    + " model=base:inner-fit.model edges output internal",
                "base:out-of-fold collectFolds/combine gather(fold:base) [base:inner-split.test base:inner-predict]"
                    + " listOfEdges output internal",
                "meta fit/fit union [base:out-of-fold]",
            ])
    }

    @Test func whatCannotBeToldApartByFoldIsRefused() {
        func request(_ base: Node) -> RunRequest {
            RunRequest(
                graph(
                    [.transformer("s1"), .transformer("s2"), base, .predictor("meta")],
                    ["s1": ["base"], "s2": ["base"], "base": ["meta"]]), .fit)
        }
        let base = Node.predictor("base", kind: .and)
        #expect(throws: GraphError.outOfFold(node: "base", .gathers)) {
            try Plan.lowering(request(base.with { $0.over = ["partition"] }))
        }
        #expect(throws: GraphError.outOfFold(node: "base", .product)) {
            try Plan.lowering(request(base.with { $0.join = .product }))
        }
        #expect(throws: Never.self) {
            try Plan.lowering(
                request(
                    base.with {
                        $0.join = .product
                        $0.inSample = true
                    }))
        }
    }

    @Test func aNodeCalledLikeTheRunsFoldsKeepsItsOwn() throws {
        let named = graph([.predictor("cv"), .predictor("meta")], ["cv": ["meta"]])
        let plan = try Plan.lowering(RunRequest(named, .crossValidate))
        #expect(plan.node("cv:inner-split")?.emits == [.fold("cv:inner")])
    }
}
