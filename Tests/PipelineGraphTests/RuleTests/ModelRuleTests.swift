import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct ModelRuleTests {
    private let tree = graph([.predictor("tree")])
    private let carrier = Dimension.data("carrier")

    private func byCarrier(_ names: [String]) -> [Key] { names.map { key([carrier: .text($0)]) } }

    private func inputs(_ keys: [Key]) -> [InputEntry] { keys.map { InputEntry(key: $0, data: data("\($0)")) } }

    @Test func aDimensionOnlyInputsHaveBroadcasts() throws {
        let run = try DrivenRun(RunRequest(tree, .predict, inputs: partitions(3), models: ["tree": [.empty]]))
        #expect(run.keys("tree") == partitions(3).map(\.key))
        #expect(run.firings("tree").allSatisfy { $0.model == .empty })
    }

    @Test func aDimensionOnlyModelsHaveFansOut() throws {
        let fitted = [key([.variant("tree"): 0]), key([.variant("tree"): 1])]
        let run = try DrivenRun(RunRequest(tree, .predict, inputs: partitions(3), models: ["tree": fitted]))
        #expect(run.count("tree") == 6)
    }

    @Test func namedDimensionsJoin() throws {
        let names = byCarrier(["AA", "BB"])
        let run = try DrivenRun(RunRequest(tree, .predict, inputs: inputs(names), models: ["tree": names]))
        #expect(run.keys("tree") == names)
        #expect(run.firings("tree").allSatisfy { $0.model == $0.key })
    }

    @Test func positionsOfTheFitAreAChoiceOfModel() throws {
        let fitted = (0..<4).map { key([.partition: .integer($0)]) }
        let run = try DrivenRun(RunRequest(tree, .predict, inputs: partitions(2), models: ["tree": fitted]))
        #expect(run.count("tree") == 8)
        #expect(Set(run.keys("tree").map(\.dimensions)) == [[.data("fit.partition"), .partition].sorted()])
    }

    @Test func aCarrierNeverSeenIsOneFailedKeyWithThatReason() throws {
        let request = RunRequest(
            tree, .predict, inputs: inputs(byCarrier(["AA", "CC"])), models: ["tree": byCarrier(["AA", "BB"])])
        let run = try DrivenRun(request)
        #expect(run.keys("tree") == byCarrier(["AA"]))
        #expect(run.refused.map(\.key) == byCarrier(["CC"]))
        let message = try #require(run.refused.first?.message)
        #expect(message.contains("carrier=CC") && message.contains("model"))
        #expect(run.isCompleted)
    }

    @Test func modelsOfOneLineBelongTogether() throws {
        let line = graph([.transformer("pca"), .predictor("tree")], ["pca": ["tree"]])
        let pca = (0..<2).map { key([.variant("pca"): .integer($0)]) }
        let trees = pca.flatMap { first in (0..<3).map { first.setting(.variant("tree"), to: .integer($0)) } }
        let run = try DrivenRun(RunRequest(line, .score, models: ["pca": pca, "tree": trees]))
        #expect((run.count("pca:score"), run.count("tree:score")) == (2, 6))
        for score in run.firings("tree:score") {
            #expect(score.items[0][0][.variant("pca")] == score.model?[.variant("pca")])
        }
        #expect(run.refused.isEmpty)
    }

    @Test func aChoiceOfSourceFindsTheModelFittedBehindIt() throws {
        let choice = graph(
            [.transformer("s1"), .transformer("s2"), .predictor("tree")], ["s1": ["tree"], "s2": ["tree"]])
        let via = Dimension.via(["s1", "s2"])
        let run = try DrivenRun(
            RunRequest(
                choice, .predict,
                models: ["s1": [.empty], "s2": [.empty], "tree": [key([via: "s1"]), key([via: "s2"])]]))
        #expect(run.count("tree") == 2)
        #expect(run.firings("tree").allSatisfy { $0.model?[via] == $0.key[via] })
    }

    @Test func aProductsSidesAreNamedAlikeInEveryPhase() throws {
        let pairs = graph(
            [.transformer("a"), .transformer("b"), .and("pairs").with { $0.join = .product }, .predictor("tree")],
            ["a": ["pairs"], "b": ["pairs"], "pairs": ["tree"]])
        let names = byCarrier(["AA", "BB"])
        let fit = try DrivenRun(RunRequest(pairs, .fit, inputs: inputs(names)))
        #expect(fit.count("tree") == 4)
        let models = ["a": names, "b": names, "tree": fit.keys("tree")]
        let score = try DrivenRun(RunRequest(pairs, .score, inputs: inputs(names), models: models))
        #expect(score.keys("tree:score") == fit.keys("tree"))
        #expect(score.firings("tree:score").allSatisfy { $0.model == $0.key })
    }
}
