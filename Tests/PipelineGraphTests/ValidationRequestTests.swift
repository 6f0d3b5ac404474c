import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct ValidationRequestTests {
    private let line = graph([.transformer("scale"), .predictor("tree", variants: 2)], ["scale": ["tree"]])

    private func validate(_ request: RunRequest) throws(GraphError) {
        try request.validate(request.graph.topology())
    }

    @Test func acceptsInputsWithDifferentDimensions() throws {
        let mixed = [
            InputEntry(key: key([.partition: 0]), data: data("a")),
            InputEntry(key: key([.data("carrier"): "AA"]), data: data("b")),
        ]
        try validate(RunRequest(line, .fit, inputs: mixed))
    }

    @Test func refusesInputsWithDifferentDimensionsThatAreJoinedBeforeASplitter() throws {
        let mixed = [
            InputEntry(key: key([.partition: 0]), data: data("a")),
            InputEntry(key: key([.partition: 1, .data("carrier"): "AA"]), data: data("b")),
        ]
        let joined = graph(
            [.function("load"), .transformer("scale"), .and("bind"), .splitter("cut", splits: "part")],
            ["load": ["scale", "bind"], "scale": ["bind"], "bind": ["cut"]])
        let refusal = GraphError.mixedInputs(node: "load", splitter: "cut", mixed[0].key, mixed[1].key)
        #expect(throws: refusal) { try validate(RunRequest(joined, .fit, inputs: mixed)) }
        #expect("\(refusal)".contains("carrier=AA") && "\(refusal)".contains("'cut'"))
        #expect(refusal.node == "load")
        try validate(RunRequest(joined, .fit, inputs: partitions(2)))
        // Without a join each reference is cut alone.
        let alone = graph([.function("load"), .splitter("cut", splits: "part")], ["load": ["cut"]])
        try validate(RunRequest(alone, .fit, inputs: mixed))
    }

    @Test func refusesAStartWithoutInputs() {
        var request = RunRequest(line, .fit)
        request.inputs = [:]
        #expect(throws: GraphError.missingInputs(node: "scale")) { try validate(request) }
    }

    @Test func refusesAnEmptyListOfInputs() {
        #expect(throws: GraphError.emptyInputs(node: "scale")) { try validate(RunRequest(line, .fit, inputs: [])) }
    }

    @Test func refusesInputsForANodeThatReadsAnother() {
        var request = RunRequest(line, .fit)
        request.inputs[line.index(of: "tree")] = partitions(1)
        #expect(throws: GraphError.unexpectedInputs(node: "tree", source: "scale")) { try validate(request) }
    }

    @Test func refusesTwoInputsOfOneKey() {
        let twice = partitions(2) + partitions(1)
        #expect(throws: GraphError.duplicateInput(node: "scale", key([.partition: 0]))) {
            try validate(RunRequest(line, .fit, inputs: twice))
        }
    }

    @Test func refusesInputsAndModelsOfNoNode() {
        var request = RunRequest(line, .fit)
        request.inputs[NodeIndex(9)] = partitions(1)
        #expect(throws: GraphError.unknownNode(NodeIndex(9))) { try validate(request) }
        request = RunRequest(line, .predict)
        request.models[NodeIndex(8)] = []
        #expect(throws: GraphError.unknownNode(NodeIndex(8))) { try validate(request) }
    }

    @Test func refusesModelsWhereNoneBelong() {
        #expect(throws: GraphError.unexpectedModels(node: "scale", .fitting)) {
            try validate(RunRequest(line, .fit, models: ["scale": [.empty]]))
        }
        let stateless = graph([.function("f")])
        #expect(throws: GraphError.unexpectedModels(node: "f", .stateless)) {
            try validate(RunRequest(stateless, .predict, models: ["f": [.empty]]))
        }
    }

    @Test func refusesCandidatesThatNameNoVariant() {
        func request(_ candidates: [Key]) -> RunRequest {
            RunRequest(line, .fit) { $0.candidates = candidates }
        }
        let tree = Dimension.variant("tree")
        #expect(throws: Never.self) { try validate(request([key([tree: 1]), .empty])) }
        #expect(throws: GraphError.emptyCandidates) { try validate(request([])) }
        #expect(throws: GraphError.unknownCandidateDimension(.variant("scale"), known: ["variant:tree"])) {
            try validate(request([key([.variant("scale"): 0])]))
        }
        for label: Label in [2, -1, "deep"] {
            #expect(throws: GraphError.candidateLabel(tree, label, count: 2)) {
                try validate(request([key([tree: label])]))
            }
        }
    }
}
