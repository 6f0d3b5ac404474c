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
}
