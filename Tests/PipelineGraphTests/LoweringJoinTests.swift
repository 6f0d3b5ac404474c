import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct LoweringJoinTests {
    /// Two branches below one start, joined by `vote`.
    private func branches(_ vote: Node) -> Graph {
        graph(
            [.transformer("pre"), .predictor("a"), .predictor("b"), vote],
            ["pre": ["a", "b"], "a": ["vote"], "b": ["vote"]])
    }

    private func vote(_ graph: Graph, inputs: [InputEntry] = partitions(2)) throws -> PlanNode {
        try #require(Plan.lowering(RunRequest(graph, .fit, inputs: inputs)).node("vote"))
    }

    @Test func anOrOfSeveralSourcesSaysByWhichAReferenceCame() throws {
        let choice = graph(
            [.transformer("scale"), .transformer("minmax"), .predictor("tree"), .predictor("boost")],
            ["scale": ["tree", "boost"], "minmax": ["boost", "tree"]])
        let plan = try Plan.lowering(RunRequest(choice, .fit))
        let tree = try #require(plan.node("tree"))
        let boost = try #require(plan.node("boost"))
        #expect(tree.via == .via(["minmax", "scale"]) && tree.via == boost.via)
        #expect(tree.viaLabels == ["scale", "minmax"])
        #expect(plan.node("scale")?.via == nil)
    }

    @Test func anAndJoinsInEdgeOrder() throws {
        let joined = try vote(branches(.and("vote")))
        #expect(joined.rule == .join(product: false) && joined.inputForm == .edges)
        let product = try vote(branches(.and("vote").with { $0.join = .product }))
        #expect(product.rule == .join(product: true))
    }

    @Test func aProductOfFoldsIsRefused() {
        let pairs = graph(
            [.transformer("a"), .transformer("b"), .and("pairs").with { $0.join = .product }, .predictor("tree")],
            ["a": ["pairs"], "b": ["pairs"], "pairs": ["tree"]])
        #expect(throws: GraphError.productOfFolds(node: "pairs")) {
            try Plan.lowering(RunRequest(pairs, .crossValidate))
        }
        #expect(throws: Never.self) { try Plan.lowering(RunRequest(pairs, .fit)) }
    }

    @Test func overCanNameOneSideOfAProduct() throws {
        let pairs = graph(
            [
                .transformer("a"), .transformer("b"), .and("pairs").with { $0.join = .product },
                .and("all", over: ["partition@a"]),
            ],
            ["a": ["pairs"], "b": ["pairs"], "pairs": ["all"]])
        let all = try #require(Plan.lowering(RunRequest(pairs, .fit, inputs: partitions(2))).node("all"))
        let side = Dimension(kind: .data, owner: "partition@a", positional: true)
        #expect(all.rule == .gather(over: [side], product: false, missing: .fail))
    }

    @Test func overGathersWhatItNames() throws {
        let lists = try vote(branches(.and("vote", over: ["partition"]).with { $0.missing = .drop }))
        #expect(lists.rule == .gather(over: [.partition], product: false, missing: .drop))
        #expect(lists.inputForm == .listOfEdges)
        let one = graph([.predictor("a"), .and("vote", over: ["data:partition[]"])], ["a": ["vote"]])
        let list = try vote(one)
        #expect(list.rule == .gather(over: [.partition], product: false, missing: .fail))
        #expect(list.inputForm == .list)
    }

    @Test func overCanNameVariantsAndChoices() throws {
        let choice = graph(
            [.transformer("s1"), .transformer("s2"), .predictor("tree", variants: 3), .and("vote")],
            ["s1": ["tree"], "s2": ["tree"], "tree": ["vote"]])
        for (name, dimension) in [("tree", Dimension.variant("tree")), ("{s1, s2}", .via(["s1", "s2"]))] {
            var gathering = choice
            gathering.nodes[3].over = [name]
            #expect(try vote(gathering).rule == .gather(over: [dimension], product: false, missing: .fail))
        }
    }

    @Test func overOfAnUnknownDimensionListsWhatThereIs() {
        #expect(
            throws: GraphError.over(node: "vote", .unknown("carrier", known: ["data:partition[]"]))
        ) { try vote(branches(.and("vote", over: ["carrier"]))) }
    }

    @Test func overOfAnAmbiguousNameListsTheFullOnes() {
        let inputs = [InputEntry(key: key([.fold("inner"): 0, .fold("outer"): 0]), data: data())]
        #expect(
            throws: GraphError.over(node: "vote", .ambiguous("fold", candidates: ["fold:inner", "fold:outer"]))
        ) { try vote(branches(.and("vote", over: ["fold"])), inputs: inputs) }
    }

    @Test func aJoinThatCanHaveNoPartnerIsRefused() {
        let fork = graph([.transformer("a"), .transformer("b"), .and("vote")], ["a": ["vote"], "b": ["vote"]])
        var request = RunRequest(fork, .fit, inputs: [InputEntry(key: key([.data("carrier"): "AA"]), data: data())])
        request.inputs[NodeIndex(1)] = [InputEntry(key: key([.data("carrier"): "BB"]), data: data())]
        #expect(throws: GraphError.noPartner(node: "vote", sources: ["a", "b"], .data("carrier"))) {
            try Plan.lowering(request)
        }
        request.graph.nodes[2].join = .product
        #expect(throws: Never.self) { try Plan.lowering(request) }
        request.graph.nodes[2].join = .natural
        request.inputs[NodeIndex(1)]?.append(InputEntry(key: .empty, data: data()))
        #expect(throws: Never.self) { try Plan.lowering(request) }
    }

    @Test func aDimensionIsAddedOnce() {
        let cut = graph([.splitter("cut", splits: "carrier"), .predictor("tree")], ["cut": ["tree"]])
        let inputs = [InputEntry(key: key([.data("carrier"): "AA"]), data: data())]
        #expect(throws: GraphError.dimensionTaken(node: "cut", .data("carrier"))) {
            try Plan.lowering(RunRequest(cut, .fit, inputs: inputs))
        }
        let chosen = [InputEntry(key: key([.variant("tree"): 0]), data: data())]
        #expect(throws: GraphError.dimensionTaken(node: "tree", .variant("tree"))) {
            try Plan.lowering(RunRequest(graph([.predictor("tree", variants: 2)]), .fit, inputs: chosen))
        }
    }

    @Test func aSplittersPartitionIsAListsPartition() throws {
        let cut = graph(
            [.splitter("cut", splits: "partition"), .transformer("pca").with { $0.fit = .all }], ["cut": ["pca"]])
        let plan = try Plan.lowering(RunRequest(cut, .fit, inputs: [InputEntry(key: .empty, data: data())]))
        #expect(plan.node("cut")?.emits == [.partition])
        #expect(plan.node("pca")?.rule == .gather(over: [.partition], product: false, missing: .fail))
    }
}
