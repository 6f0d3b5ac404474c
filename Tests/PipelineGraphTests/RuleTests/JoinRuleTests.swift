import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct JoinRuleTests {
    @Test func foldsThroughTwoBranchesStayApart() throws {
        let founding = graph(
            [
                .transformer("pre"), .predictor("tree"), .predictor("boost"),
                .and("vote").with { $0.emitsPredictions = true },
            ],
            ["pre": ["tree", "boost"], "tree": ["vote"], "boost": ["vote"]])
        let run = try DrivenRun(RunRequest(founding, .crossValidate), folds: 5)
        #expect(run.count("vote:score") == 5)
        for vote in run.firings("vote:score") {
            #expect(Set(vote.items[0].map { $0[.fold("cv")] }) == [vote.key[.fold("cv")]])
        }
        #expect(run.isCompleted && run.refused.isEmpty && run.skipped.isEmpty)
    }

    @Test func branchesBelowVariantsAgree() throws {
        let diamond = graph(
            [.transformer("pca", variants: 3), .function("a"), .function("b"), .and("stack")],
            ["pca": ["a", "b"], "a": ["stack"], "b": ["stack"]])
        let run = try DrivenRun(RunRequest(diamond, .fit))
        #expect(run.keys("stack") == (0..<3).map { key([.partition: 0, .variant("pca"): .integer($0)]) })
    }

    /// 2 scalers and 3 encoders, chosen apart.
    private func choices(_ join: Node) -> Graph {
        graph(
            [
                .transformer("s1"), .transformer("s2"), .function("scaled"), .transformer("e1"), .transformer("e2"),
                .transformer("e3"), .function("encoded"), join,
            ],
            [
                "s1": ["scaled"], "s2": ["scaled"], "e1": ["encoded"], "e2": ["encoded"], "e3": ["encoded"],
                "scaled": ["join"], "encoded": ["join"],
            ])
    }

    @Test func independentChoicesCombine() throws {
        let run = try DrivenRun(RunRequest(choices(.and("join")), .fit))
        #expect(run.count("join") == 6 && Set(run.keys("join")).count == 6)
    }

    @Test func gatheringKeepsChoicesApart() throws {
        let run = try DrivenRun(RunRequest(choices(.and("join", over: ["partition"])), .fit, inputs: partitions(8)))
        let gathers = run.firings("join")
        #expect(gathers.count == 6 && gathers.allSatisfy { $0.items.count == 8 })
        for gather in gathers {
            #expect(gather.key[.partition] == nil)
            #expect(gather.items.map { $0[0][.partition] } == (0..<8).map { .integer($0) })
            #expect(gather.items.allSatisfy { $0.count == 2 && $0[0][.partition] == $0[1][.partition] })
        }
    }

    @Test func siblingsThatChooseAmongTheSameSourcesAgree() throws {
        let choice = graph(
            [.transformer("s1"), .transformer("s2"), .predictor("tree"), .predictor("gb"), .and("vote")],
            ["s1": ["tree", "gb"], "s2": ["gb", "tree"], "tree": ["vote"], "gb": ["vote"]])
        let run = try DrivenRun(RunRequest(choice, .fit))
        let via = Dimension.via(["s1", "s2"])
        #expect(run.keys("vote") == [key([.partition: 0, via: "s1"]), key([.partition: 0, via: "s2"])])
    }

    @Test func anOrFiresPerReferenceOnAnyEdgeAndPerVariant() throws {
        let union = graph(
            [.transformer("s1"), .transformer("s2"), .predictor("tree", variants: 4)],
            ["s1": ["tree"], "s2": ["tree"]])
        let run = try DrivenRun(RunRequest(union, .fit, inputs: partitions(3)))
        #expect(run.count("tree") == 2 * 3 * 4 && Set(run.keys("tree")).count == 24)
    }

    @Test func aProductAsksForNoAgreement() throws {
        let two = graph(
            [.transformer("a"), .transformer("b"), .and("pairs").with { $0.join = .product }],
            ["a": ["pairs"], "b": ["pairs"]])
        var request = RunRequest(two, .fit)
        request.inputs[NodeIndex(0)] = ["x", "y"].map { InputEntry(key: key([.data("left"): .text($0)]), data: data()) }
        request.inputs[NodeIndex(1)] = (0..<3).map {
            InputEntry(key: key([.data("right"): .integer($0)]), data: data())
        }
        #expect(try DrivenRun(request).count("pairs") == 6)
    }

    @Test func aReferenceWithoutPartnerIsAnErrorThatNamesItsKey() throws {
        let two = graph([.transformer("a"), .transformer("b"), .and("both")], ["a": ["both"], "b": ["both"]])
        var request = RunRequest(two, .fit)
        request.inputs[NodeIndex(0)] = ["AA", "BB"].map {
            InputEntry(key: key([.data("carrier"): .text($0)]), data: data())
        }
        request.inputs[NodeIndex(1)] = ["AA"].map { InputEntry(key: key([.data("carrier"): .text($0)]), data: data()) }
        let run = try DrivenRun(request)
        #expect(run.keys("both") == [key([.data("carrier"): "AA"])])
        #expect(run.refused.map(\.name) == ["both"] && run.refused.map(\.key) == [key([.data("carrier"): "BB"])])
        #expect(run.refused.first?.message.contains("carrier=BB") == true)
    }

    @Test func aReferenceThatLacksAGatheredDimensionIsAnError() throws {
        let line = graph([.transformer("a"), .and("all", over: ["partition"])], ["a": ["all"]])
        let mixed = partitions(2) + [InputEntry(key: key([.data("carrier"): "AA"]), data: data())]
        let run = try DrivenRun(RunRequest(line, .fit, inputs: mixed))
        #expect(run.refused.map(\.name) == ["all"])
        #expect(run.refused.first?.message.contains("partition") == true)
        #expect(run.keys("all") == [.empty])
    }

    @Test func aSplittersCardinalityIsKnownWhenItEnds() throws {
        let cut = graph(
            [.splitter("cut", splits: "carrier"), .predictor("tree"), .and("all", over: ["carrier"])],
            ["cut": ["tree"], "tree": ["all"]])
        let run = try DrivenRun(RunRequest(cut, .fit), splits: ["cut": ["AA", "BB", "CC"]])
        #expect(run.count("tree") == 3)
        #expect(run.firings("all").map { $0.items.map { $0[0][.data("carrier")] } } == [["AA", "BB", "CC"]])
    }
}
