import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct ValidationMissingYTests {
    private let tree = Node.predictor("tree").with { $0.needsY = true }
    private let withoutY = [InputEntry(key: key([.partition: 4]), data: Data(x: View(object: object("X"))))]

    private func validate(_ graph: Graph, inputs: [InputEntry]) throws(GraphError) {
        let request = RunRequest(graph, .fit, inputs: inputs)
        try request.validateY(graph.topology(), needing: Set(graph.nodes.indices.map { NodeIndex(UInt32($0)) }))
    }

    @Test func namesNodeSourceAndKey() {
        let line = graph([.transformer("scale"), .transformer("pca"), tree], ["scale": ["pca"], "pca": ["tree"]])
        #expect(throws: GraphError.missingY(node: "tree", source: "scale", key([.partition: 4]))) {
            try validate(line, inputs: partitions(2) + withoutY)
        }
        #expect(throws: Never.self) { try validate(line, inputs: partitions(2)) }
    }

    @Test func seesItAtTheSourceItself() {
        #expect(throws: GraphError.missingY(node: "tree", source: "tree", key([.partition: 4]))) {
            try validate(graph([tree]), inputs: withoutY)
        }
    }

    @Test(arguments: [Node.function("label"), .splitter("cut", splits: "part")])
    func cannotKnowBehindAFunctionOrASplitter(between: Node) throws {
        try validate(graph([between, tree], [between.name: ["tree"]]), inputs: withoutY)
    }

    @Test func asksOnlyNodesThatNeedY() throws {
        try validate(graph([.transformer("scale"), .predictor("kmeans")], ["scale": ["kmeans"]]), inputs: withoutY)
    }

    @Test func reachesThroughEitherSourceOfAnOr() {
        let fork = graph([.transformer("a"), .transformer("b"), tree], ["a": ["tree"], "b": ["tree"]])
        var request = RunRequest(fork, .fit)
        request.inputs[fork.index(of: "b")] = withoutY
        #expect(throws: GraphError.missingY(node: "tree", source: "b", key([.partition: 4]))) {
            try request.validateY(fork.topology(), needing: [fork.index(of: "tree")])
        }
    }
}
