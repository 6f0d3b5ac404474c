import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct ListFitRuleTests {
    private func line(_ policy: FitPolicy) -> Graph {
        graph([.transformer("scale"), .transformer("pca"), .predictor("tree")], ["scale": ["pca"], "pca": ["tree"]])
            .replacing("pca") { $0.fit = policy }
    }

    @Test func eachIsOneModelForEachReference() throws {
        let run = try DrivenRun(RunRequest(line(.each), .fit, inputs: partitions(8)))
        #expect(run.keys("pca") == partitions(8).map(\.key) && run.count("tree") == 8)
    }

    @Test(arguments: [FitPolicy.all, .sequential])
    func aListFitLosesThePartitionAndItsOutputsKeepIt(policy: FitPolicy) throws {
        let run = try DrivenRun(RunRequest(line(policy), .fit, inputs: partitions(8)))
        let fit = try #require(run.firings("pca").first)
        #expect(run.count("pca") == 1 && fit.key == .empty)
        #expect(fit.items.map { $0[0][.partition] } == (0..<8).map { .integer($0) })
        #expect(run.keys("pca:apply") == partitions(8).map(\.key))
        #expect(run.firings("pca:apply").allSatisfy { $0.model == .empty })
        #expect(run.count("tree") == 8)
    }

    @Test func aListFitIsOneForEachFold() throws {
        let run = try DrivenRun(RunRequest(line(.all), .crossValidate, inputs: partitions(3)), folds: 4)
        #expect(run.keys("pca") == (0..<4).map { key([.fold("cv"): .integer($0)]) })
        #expect(run.firings("pca").allSatisfy { $0.items.count == 3 })
        #expect(run.count("pca:score") == 12 && run.count("tree:score") == 12)
    }

    @Test func aListFitGathersAlternativesApart() throws {
        let choice = graph(
            [.transformer("s1"), .transformer("s2"), .predictor("tree").with { $0.fit = .all }],
            ["s1": ["tree"], "s2": ["tree"]])
        let run = try DrivenRun(RunRequest(choice, .fit, inputs: partitions(5)))
        let via = Dimension.via(["s1", "s2"])
        #expect(run.keys("tree") == [key([via: "s1"]), key([via: "s2"])])
        #expect(run.firings("tree").allSatisfy { $0.items.count == 5 && $0.items.allSatisfy { $0.count == 1 } })
    }
}
