import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct CandidateRuleTests {
    private let pca = Dimension.variant("pca")
    private let tree = Dimension.variant("tree")

    private func run(_ pcas: UInt32, _ trees: UInt32, candidates: [Key]?, mode: Mode = .fit) throws -> DrivenRun {
        let line = graph(
            [.transformer("scale"), .transformer("pca", variants: pcas), .predictor("tree", variants: trees)],
            ["scale": ["pca"], "pca": ["tree"]])
        return try DrivenRun(RunRequest(line, mode) { $0.candidates = candidates })
    }

    @Test func withoutCandidatesVariantsMultiply() throws {
        let run = try run(2, 8, candidates: nil)
        #expect((run.count("scale"), run.count("pca"), run.count("tree")) == (1, 2, 16))
    }

    @Test func fiftyRandomDrawsAreFiftyFits() throws {
        // Every draw has a value of its own for each parameter, as draws from continuous distributions do.
        let draws = (0..<50).map { key([pca: .integer($0), tree: .integer(($0 * 7) % 50)]) }
        let run = try run(50, 50, candidates: draws)
        #expect(run.count("tree") == 50 && run.count("pca") == 50)
        #expect(Set(run.keys("tree").map { $0.projected { $0.kind == .variant } }) == Set(draws))
        #expect(run.refused.isEmpty)
    }

    @Test func aListOfGridsLeavesDimensionsFree() throws {
        let grids = [key([pca: 0]), key([pca: 1, tree: 2])]
        let run = try run(3, 3, candidates: grids)
        #expect(run.count("pca") == 2)
        #expect(run.count("tree") == 3 + 1)
    }

    @Test func candidatesHoldInEveryPhase() throws {
        let draws = [key([pca: 0, tree: 1]), key([pca: 1, tree: 0])]
        let run = try run(2, 2, candidates: draws, mode: .crossValidate)
        #expect(run.count("tree") == 5 * 2 && run.count("tree:score") == 5 * 2)
        #expect(run.refused.isEmpty && run.skipped.isEmpty)
    }

    @Test func aJoinNeedsNoPartnerThatNoCandidateAllows() throws {
        let fork = graph(
            [.predictor("pca", variants: 2), .predictor("tree", variants: 2), .and("vote")],
            ["pca": ["vote"], "tree": ["vote"]])
        let run = try DrivenRun(
            RunRequest(fork, .fit) { $0.candidates = [key([pca: 0, tree: 1]), key([pca: 1, tree: 0])] })
        #expect(run.count("vote") == 2 && run.refused.isEmpty)
    }

    @Test func aFunctionRunsWithTheVariantsThatModelsWereFittedOn() throws {
        let line = graph(
            [.function("f", variants: 9), .transformer("pca"), .predictor("tree", variants: 9)],
            ["f": ["pca"], "pca": ["tree"]])
        let draws = [key([.variant("f"): 2, tree: 7]), key([.variant("f"): 5, tree: 1])]
        let fit = try DrivenRun(RunRequest(line, .fit) { $0.candidates = draws })
        #expect((fit.count("f"), fit.count("tree")) == (2, 2))
        let models = ["pca": fit.keys("pca"), "tree": fit.keys("tree")].mapValues { keys in
            keys.map { $0.removing { $0 == .partition } }
        }
        let predict = try DrivenRun(RunRequest(line, .predict, inputs: partitions(3), models: models))
        #expect((predict.count("f"), predict.count("tree")) == (6, 6))
        #expect(predict.refused.isEmpty)
    }

    @Test func modelsThatKnowOfDifferentFunctionsRestrictNone() throws {
        let fork = graph(
            [.function("f", variants: 2), .function("g", variants: 2), .predictor("a"), .predictor("b")],
            ["f": ["a"], "g": ["b"]])
        let models = ["a": [key([.variant("f"): 0])], "b": [key([.variant("g"): 1])]]
        #expect(try Plan.lowering(RunRequest(fork, .predict, models: models)).candidates == nil)
    }
}
