import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct SharingRuleTests {
    /// scaler, 2 PCAs, 8 models, 5 folds.
    @Test func aPrefixIsFittedOnceForAllThatShareIt() throws {
        let line = graph(
            [.transformer("scale"), .transformer("pca", variants: 2), .predictor("model", variants: 8)],
            ["scale": ["pca"], "pca": ["model"]])
        let run = try DrivenRun(RunRequest(line, .crossValidate) { $0.returnTrainScore = true })
        #expect((run.count("scale"), run.count("pca"), run.count("model")) == (5, 10, 80))
        #expect((run.count("scale:score"), run.count("pca:score"), run.count("model:score")) == (5, 10, 80))
        #expect(run.count("scale:train-score") == 5 && run.count("model:train-score") == 80)
    }

    @Test func oneNodeAndKeyIsOneFiringInEachPhase() throws {
        let diamond = graph(
            [.transformer("pre"), .predictor("a", variants: 2), .predictor("b", variants: 3), .and("vote")],
            ["pre": ["a", "b"], "a": ["vote"], "b": ["vote"]])
        let run = try DrivenRun(RunRequest(diamond, .crossValidate, inputs: partitions(2)))
        for name in Set(run.fired.map(\.name)) {
            #expect(Set(run.keys(name)).count == run.count(name))
        }
    }
}
