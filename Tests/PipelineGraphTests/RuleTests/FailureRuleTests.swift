import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct FailureRuleTests {
    private let fold = Dimension.fold("cv")
    private let founding = graph(
        [
            .transformer("pre"), .predictor("tree"), .predictor("boost", variants: 2),
            .and("vote").with { $0.emitsPredictions = true },
        ],
        ["pre": ["tree", "boost"], "tree": ["vote"], "boost": ["vote"]])

    @Test func aFailureSkipsItsDependentsAlone() throws {
        let run = try DrivenRun(RunRequest(founding, .crossValidate), folds: 3) { name, key in
            name == "boost" && key[fold] == 1 && key[.variant("boost")] == 0
        }
        let failed = key([.partition: 0, fold: 1, .variant("boost"): 0])
        #expect(Set(run.skipped.map(\.name)) == ["boost:score", "vote:score"])
        #expect(run.skipped.allSatisfy { $0.key == failed && $0.cause == "boost" })
        #expect(run.count("boost:score") == 5 && run.count("vote:score") == 5 && run.count("tree:score") == 3)
        #expect(run.isCompleted)
    }

    @Test func theCauseIsWhatFailedFirst() throws {
        let run = try DrivenRun(RunRequest(founding, .fit, inputs: partitions(2))) { name, key in
            name == "pre" && key[.partition] == 0
        }
        #expect(run.skipped.count == 1 + 2 + 2 && run.skipped.allSatisfy { $0.cause == "pre" })
        #expect(run.count("vote") == 2)
    }

    private func gathering(_ missing: MissingPolicy) -> Graph {
        graph(
            [.transformer("pre", variants: 2), .and("all", over: ["partition"]).with { $0.missing = missing }],
            ["pre": ["all"]])
    }

    private func run(_ missing: MissingPolicy) throws -> DrivenRun {
        try DrivenRun(RunRequest(gathering(missing), .fit, inputs: partitions(8))) { name, key in
            name == "pre" && key[.partition] == 3 && key[.variant("pre")] == 1
        }
    }

    @Test func aFailedMemberFailsItsGroup() throws {
        let run = try run(.fail)
        #expect(run.keys("all") == [key([.variant("pre"): 0])])
        #expect(run.skipped.map(\.key) == [key([.variant("pre"): 1])])
    }

    @Test func missingDropGathersTheRest() throws {
        let run = try run(.drop)
        #expect(run.firings("all").map(\.items.count).sorted() == [7, 8])
        #expect(run.skipped.isEmpty)
    }

    @Test func aFailedInnerFoldFailsThatPredictorAlone() throws {
        let stack = graph(
            [.predictor("a"), .predictor("b"), .function("log"), .predictor("meta")],
            ["a": ["meta"], "b": ["meta", "log"]])
        let run = try DrivenRun(RunRequest(stack, .fit), folds: 3) { name, key in
            name == "a:inner-fit" && key[.fold("a")] == 2
        }
        #expect(run.count("meta") == 1 && run.count("log") == 1 && run.count("a") == 1)
        #expect(Set(run.skipped.map(\.name)) == ["a:inner-predict", "a:out-of-fold", "meta"])
    }

    @Test func aFailedSplitterSkipsWhatItsPartsWouldHaveFed() throws {
        let run = try DrivenRun(RunRequest(founding, .crossValidate)) { name, _ in name == "cv" }
        #expect(run.fired.map(\.name) == ["cv"] && run.isCompleted)
    }
}
