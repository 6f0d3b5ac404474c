import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct CrossValidationRuleTests {
    private let fold = Dimension.fold("cv")
    private let line = graph([.transformer("pre"), .predictor("tree")], ["pre": ["tree"]])

    @Test func foldsAreCutAcrossPartitions() throws {
        let run = try DrivenRun(RunRequest(line, .crossValidate, inputs: partitions(3)), folds: 4)
        let cut = try #require(run.firings("cv").first)
        #expect(run.count("cv") == 1 && cut.items.count == 3 && cut.key == .empty)
        #expect(run.count("pre") == 12 && run.count("tree:score") == 12)
        #expect(run.keys("tree:score").allSatisfy { $0.dimensions == [.partition, fold] })
    }

    @Test func foldsAreCutWithinEachCombinationOfNamedDimensions() throws {
        let inputs = ["AA", "BB"].flatMap { carrier in
            partitions(2).map {
                InputEntry(key: $0.key.setting(.data("carrier"), to: .text(carrier)), data: $0.data)
            }
        }
        let run = try DrivenRun(RunRequest(line, .crossValidate, inputs: inputs), folds: 3)
        #expect(run.keys("cv") == ["AA", "BB"].map { key([.data("carrier"): .text($0)]) })
        #expect(run.firings("cv").allSatisfy { $0.items.count == 2 })
        #expect(run.count("tree:score") == 2 * 2 * 3)
    }

    @Test func listsOfSeveralSourcesAgreeOnFolds() throws {
        let fork = graph(
            [.transformer("a"), .transformer("b"), .predictor("tree", kind: .and)], ["a": ["tree"], "b": ["tree"]])
        var request = RunRequest(fork, .crossValidate)
        request.inputs[NodeIndex(1)] = [InputEntry(key: key([.partition: 0]), data: data("other"))]
        let run = try DrivenRun(request, folds: 3)
        #expect(run.count("cv") == 2 && run.count("tree") == 3 && run.count("tree:score") == 3)
        #expect(run.firings("tree").allSatisfy { $0.items[0][0][fold] == $0.items[0][1][fold] })
    }

    @Test func aScoreUsesTheModelOfItsOwnFold() throws {
        let run = try DrivenRun(RunRequest(line, .crossValidate) { $0.returnTrainScore = true }, folds: 3)
        for name in ["pre:score", "tree:score", "pre:train-score", "tree:train-score"] {
            #expect(run.count(name) == 3)
            #expect(run.firings(name).allSatisfy { $0.model == $0.key && $0.items == [[$0.key]] })
        }
    }

    @Test func aSplitterRunsOnTrainingAndOnTestRows() throws {
        let cut = graph([.splitter("cut", splits: "carrier"), .predictor("tree")], ["cut": ["tree"]])
        let run = try DrivenRun(
            RunRequest(cut, .crossValidate), folds: 2, splits: ["cut": ["AA", "BB"]])
        #expect(run.count("tree") == 4 && run.count("tree:score") == 4)
        #expect(run.firings("tree:score").allSatisfy { $0.model == $0.key })
    }
}
