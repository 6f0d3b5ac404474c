import AnabranchCore
import PipelineGraph

/// Small graphs whose payloads are texts written by a client.
struct EngineGraphs {
    let bytes: Bytes
    let writer: WriterID

    func payload(_ text: String) -> ObjectRef { bytes.write(text, by: writer) }

    func transformer(_ name: String) -> Node { Node(name: name, kind: .or, role: .transformer, payload: payload(name)) }

    func predictor(_ name: String, variants: UInt32 = 0) -> Node {
        Node(
            name: name, kind: .or, role: .predictor, payload: payload(name), variantCount: variants,
            variants: variants > 0 ? payload("\(name)s") : nil)
    }

    func vote() -> Node {
        Node(name: "vote", kind: .and, role: .function, payload: payload("vote"), emitsPredictions: true)
    }

    func data(_ text: String) -> Data {
        Data(x: View(object: payload("X\(text)")), y: View(object: payload("y\(text)")))
    }

    /// scale, then a tree and a boosting, then a vote, over `partitions` inputs.
    func diamond(_ mode: Mode, partitions: Int = 1, options: (inout RunOptions) -> Void = { _ in }) -> RunRequest {
        let graph = Graph(
            name: "diamond", nodes: [transformer("scale"), predictor("tree", variants: 2), predictor("boost"), vote()],
            edges: [
                Edge(source: NodeIndex(0), target: NodeIndex(1)), Edge(source: NodeIndex(0), target: NodeIndex(2)),
                Edge(source: NodeIndex(1), target: NodeIndex(3)), Edge(source: NodeIndex(2), target: NodeIndex(3)),
            ])
        return request(graph, mode, partitions: partitions, options: options)
    }

    /// scale, then a tree with two variants, over `partitions` inputs.
    func line(_ mode: Mode, partitions: Int = 1, options: (inout RunOptions) -> Void = { _ in }) -> RunRequest {
        let graph = Graph(
            name: "line", nodes: [transformer("scale"), predictor("tree", variants: 2)],
            edges: [Edge(source: NodeIndex(0), target: NodeIndex(1))])
        return request(graph, mode, partitions: partitions, options: options)
    }

    private func request(
        _ graph: Graph, _ mode: Mode, partitions: Int, options: (inout RunOptions) -> Void
    ) -> RunRequest {
        var chosen = RunOptions(mode: mode)
        options(&chosen)
        let inputs = (0..<partitions).map { index in
            InputEntry(
                key: partitions == 1 ? .empty : Key.empty.setting(.partition, to: .integer(Int64(index))),
                data: data("\(index)"))
        }
        return RunRequest(graph: graph, options: chosen, inputs: [NodeIndex(0): inputs])
    }
}
