import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct ValidationGraphTests {
    @Test func acceptsASingleNode() throws {
        try graph([.predictor("tree")]).validate()
    }

    @Test func refusesAnEmptyGraph() {
        #expect(throws: GraphError.emptyGraph) { try graph([]).validate() }
    }

    @Test(arguments: ["", "a,b", "a=b", "a:b", "{a}", "a[0]", "a\nb"]) func refusesANameThatKeysCannotHold(name: String)
    {
        #expect(throws: GraphError.invalidName(NodeIndex(0), name: name)) {
            try graph([.predictor(name)]).validate()
        }
    }

    @Test func refusesTwoNodesOfOneName() {
        let twice = Graph(
            name: "", nodes: [.transformer("a"), .predictor("a")],
            edges: [Edge(source: NodeIndex(0), target: NodeIndex(1))])
        #expect(throws: GraphError.duplicateName("a")) { try twice.validate() }
    }

    @Test func refusesAnEdgeToNowhere() {
        let dangling = Graph(
            name: "", nodes: [.transformer("a"), .predictor("b")],
            edges: [
                Edge(source: NodeIndex(0), target: NodeIndex(1)), Edge(source: NodeIndex(0), target: NodeIndex(7)),
            ])
        #expect(throws: GraphError.unknownEdgeEnd(edge: 1, NodeIndex(7))) { try dangling.validate() }
    }

    @Test func refusesAnEdgeThatIsThereTwice() {
        #expect(throws: GraphError.duplicateEdge(source: "a", target: "b")) {
            try graph([.transformer("a"), .predictor("b")], ["a": ["b", "b"]]).validate()
        }
    }

    @Test func namesTheNodesOfACycleAlongItsEdges() throws {
        let nodes: [Node] = [.transformer("in"), .transformer("a"), .transformer("b"), .and("c"), .predictor("out")]
        let cyclic = graph(nodes, ["in": ["c"], "a": ["b"], "b": ["c"], "c": ["a", "out"]])
        let error = #expect(throws: GraphError.self) { try cyclic.validate() }
        guard case .cycle(let names) = error else {
            Issue.record("expected a cycle, got \(String(describing: error))")
            return
        }
        #expect(names.first == names.last)
        #expect(Set(names) == ["a", "b", "c"])
        for (source, target) in zip(names, names.dropFirst()) {
            #expect(cyclic.edges.contains(Edge(source: cyclic.index(of: source), target: cyclic.index(of: target))))
        }
    }

    @Test func refusesANodeThatReadsItself() {
        #expect(throws: GraphError.cycle(["a", "a"])) { try graph([.transformer("a")], ["a": ["a"]]).validate() }
    }

    @Test func refusesANodeWithoutEdgesBesideOthers() {
        #expect(throws: GraphError.unconnected(node: "lonely")) {
            try graph([.transformer("a"), .predictor("b"), .predictor("lonely")], ["a": ["b"]]).validate()
        }
    }

    @Test func acceptsTwoSeparateLines() throws {
        let nodes: [Node] = [.transformer("a"), .predictor("b"), .transformer("c"), .predictor("d")]
        try graph(nodes, ["a": ["b"], "c": ["d"]]).validate()
    }

    @Test func refusesAnAndWithoutInput() {
        #expect(throws: GraphError.andWithoutInput(node: "vote")) {
            try graph([.and("vote"), .predictor("a")], ["vote": ["a"]]).validate()
        }
    }

    @Test func refusesAnAndWithOneInputUnlessItGathers() throws {
        #expect(throws: GraphError.andWithOneInput(node: "vote", source: "a")) {
            try graph([.predictor("a"), .and("vote")], ["a": ["vote"]]).validate()
        }
        try graph([.predictor("a"), .and("vote", over: ["partition"])], ["a": ["vote"]]).validate()
    }

    @Test func refusesAnOrThatGathers() {
        let gathering = Node.transformer("a").with { $0.over = ["partition"] }
        #expect(throws: GraphError.overWithoutAnd(node: "a")) { try graph([gathering]).validate() }
    }

    @Test func refusesASplitterWithoutADimension() {
        #expect(throws: GraphError.missingSplits(node: "cut")) {
            try graph([.splitter("cut", splits: "")]).validate()
        }
    }

    @Test func refusesANodeWithNothingToRun() {
        for role in [NodeRole.transformer, .predictor, .function, .splitter, .native] {
            let hollow = Node(name: "a", kind: .or, role: role, splits: "part")
            #expect(throws: GraphError.missingPayload(node: "a")) { try graph([hollow]).validate() }
        }
        let native = Node(name: "a", kind: .or, role: .native, nativeFunction: "mean")
        #expect(throws: Never.self) { try graph([native]).validate() }
        let cut = Node(name: "a", kind: .or, role: .splitter, nativeFunction: "partition", splits: "piece")
        #expect(throws: Never.self) { try graph([cut]).validate() }
    }

    @Test func refusesVariantsThatAreNotListed() {
        let counted = Node.predictor("a").with { $0.variantCount = 3 }
        #expect(throws: GraphError.missingVariants(node: "a")) { try graph([counted]).validate() }
        let native = Node(name: "n", kind: .or, role: .native, nativeFunction: "mean", variantCount: 2)
        #expect(throws: GraphError.nativeVariants(node: "n")) { try graph([native]).validate() }
    }

    @Test func saysWhatToDo() {
        let errors: [(GraphError, String)] = [
            (.cycle(["a", "b", "a"]), "a → b → a"),
            (.andWithOneInput(node: "vote", source: "a"), "over="),
            (.missingY(node: "tree", source: "scale", key([.data("carrier"): "AA"])), "Xy(X, y)"),
            (.over(node: "v", .ambiguous("fold", candidates: ["fold:a", "fold:b"])), "fold:a, fold:b"),
            (.invalidName(NodeIndex(3), name: ""), "node 3"),
        ]
        for (error, part) in errors { #expect(error.description.contains(part)) }
    }
}
