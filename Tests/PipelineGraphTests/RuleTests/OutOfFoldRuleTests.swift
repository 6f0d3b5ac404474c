import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct OutOfFoldRuleTests {
    private let stack = graph(
        [.transformer("s1"), .transformer("s2"), .predictor("base", variants: 3), .predictor("meta")],
        ["s1": ["base"], "s2": ["base"], "base": ["meta"]])

    @Test func aStackIsFittedOnOutOfFoldPredictionsAndOnceMoreInFull() throws {
        let run = try DrivenRun(RunRequest(stack, .fit), folds: 5)
        // 2 sources: one inner splitter each; the 3 variants share its folds.
        #expect(run.count("base:inner-split") == 2)
        #expect(run.count("base:inner-fit") == 2 * 5 * 3 && run.count("base:inner-predict") == 2 * 5 * 3)
        #expect(run.count("base") == 2 * 3)
        #expect(run.keys("base:out-of-fold") == run.keys("base"))
        #expect(run.keys("meta") == run.keys("base"))
    }

    @Test func innerFoldsNeverLeave() throws {
        let run = try DrivenRun(RunRequest(stack, .crossValidate), folds: 3)
        for fired in run.fired where !fired.node.isInternal {
            #expect(fired.key[.fold("base")] == nil)
        }
        #expect(run.count("base:inner-fit") == 3 * 2 * 3 * 3)
        #expect(run.count("meta:score") == 3 * 2 * 3)
        #expect(run.refused.isEmpty && run.skipped.isEmpty && run.isCompleted)
    }

    @Test func predictionsAreOfModelsThatDidNotSeeTheRows() throws {
        let run = try DrivenRun(RunRequest(stack, .fit), folds: 4)
        for predict in run.firings("base:inner-predict") {
            #expect(predict.model == predict.key)
            #expect(predict.node.inputs.map(\.port) == [.test])
        }
        for collect in run.firings("base:out-of-fold") {
            #expect(collect.items.map { $0[0][.fold("base")] } == (0..<4).map { .integer($0) })
            #expect(collect.items.allSatisfy { $0[0][.fold("base")] == $0[1][.fold("base")] })
        }
    }

    @Test func joinedSourcesAreCutAlike() throws {
        let and = graph(
            [.transformer("s1"), .transformer("s2", variants: 2), .predictor("base", kind: .and), .predictor("meta")],
            ["s1": ["base"], "s2": ["base"], "base": ["meta"]])
        let run = try DrivenRun(RunRequest(and, .fit, inputs: partitions(2)), folds: 3)
        #expect(run.count("base:inner-split") == 2 + 4)
        #expect(run.count("base:inner-fit") == 4 * 3)
        #expect(run.keys("meta") == run.keys("base") && run.count("meta") == 4)
    }

    @Test func aListFitCutsAcrossItsList() throws {
        let list = stack.replacing("base") { $0.fit = .all }
        let run = try DrivenRun(RunRequest(list, .fit, inputs: partitions(4)), folds: 3)
        #expect(run.count("base:inner-split") == 2)
        #expect(run.count("base:inner-fit") == 2 * 3 * 3 && run.count("base:inner-predict") == 2 * 3 * 3 * 4)
        #expect(run.count("base") == 2 * 3 && run.count("meta") == 2 * 3 * 4)
    }

    @Test func inSampleFitsOnce() throws {
        let run = try DrivenRun(RunRequest(stack.replacing("base") { $0.inSample = true }, .fit))
        #expect(run.count("base") == 6 && run.count("meta") == 6 && run.fired.count == 2 + 6 + 6)
    }
}
