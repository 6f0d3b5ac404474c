import AnabranchCore

@testable import PipelineGraph

// Graphs in the spelling of the documentation: `graph([.transformer("pca"), .predictor("tree")], ["pca": ["tree"]])`.

/// An object that stands for whatever `name` says; equal names are equal objects.
func object(_ name: String) -> ObjectRef {
    let sequence = name.utf8.reduce(UInt64(14_695_981_039_346_656_037)) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    return ObjectRef(
        id: ObjectID(writer: WriterID(1), sequence: sequence), encoding: .pickle5, length: 8,
        location: .segment(1, offset: 0))
}

/// Data with y.
func data(_ name: String = "X") -> Data {
    Data(x: View(object: object(name)), y: View(object: object("y of " + name)))
}

extension Node {
    static func transformer(_ name: String, variants: UInt32 = 0) -> Node {
        made(name, .or, .transformer, variants: variants)
    }

    static func predictor(_ name: String, variants: UInt32 = 0, kind: NodeKind = .or) -> Node {
        made(name, kind, .predictor, variants: variants)
    }

    static func function(_ name: String, variants: UInt32 = 0) -> Node {
        made(name, .or, .function, variants: variants)
    }

    /// An AND function.
    static func and(_ name: String, over: [String] = []) -> Node {
        made(name, .and, .function).with { $0.over = over }
    }

    static func splitter(_ name: String, splits: String) -> Node {
        made(name, .or, .splitter).with { $0.splits = splits }
    }

    func with(_ change: (inout Node) -> Void) -> Node {
        var changed = self
        change(&changed)
        return changed
    }

    private static func made(_ name: String, _ kind: NodeKind, _ role: NodeRole, variants: UInt32 = 0) -> Node {
        Node(
            name: name, kind: kind, role: role, payload: object(name), variantCount: variants,
            variants: variants > 0 ? object("variants of " + name) : nil)
    }
}

/// Edges are listed by target in the order of `edges`, which is the order of a node's incoming edges.
func graph(_ nodes: [Node], _ edges: KeyValuePairs<String, [String]> = [:]) -> Graph {
    var made: [Edge] = []
    for (source, targets) in edges {
        for target in targets {
            guard let from = nodes.firstIndex(where: { $0.name == source }),
                let to = nodes.firstIndex(where: { $0.name == target })
            else { preconditionFailure("the test names a node that it did not make: \(source) or \(target)") }
            made.append(Edge(source: NodeIndex(UInt32(from)), target: NodeIndex(UInt32(to))))
        }
    }
    return Graph(name: "test", nodes: nodes, edges: made)
}

extension Graph {
    func index(of name: String) -> NodeIndex {
        guard let position = nodes.firstIndex(where: { $0.name == name }) else {
            preconditionFailure("the test names a node that it did not make: \(name)")
        }
        return NodeIndex(UInt32(position))
    }

    /// Nodes that no edge reaches.
    var starts: [NodeIndex] {
        let reached = Set(edges.map(\.target))
        return nodes.indices.map { NodeIndex(UInt32($0)) }.filter { !reached.contains($0) }
    }
}

func key(_ parts: KeyValuePairs<Dimension, Label>) -> Key {
    guard let made = Key(parts.map { Key.Part($0.key, $0.value) }) else {
        preconditionFailure("the test names a dimension twice")
    }
    return made
}

/// `count` partitions, numbered from 0.
func partitions(_ count: Int) -> [InputEntry] {
    (0..<count).map { InputEntry(key: key([.partition: .integer(Int64($0))]), data: data("X\($0)")) }
}

extension RunRequest {
    /// The same list of inputs at every start of the graph.
    init(
        _ graph: Graph, _ mode: Mode, inputs: [InputEntry] = partitions(1), models: [String: [Key]] = [:],
        options: (inout RunOptions) -> Void = { _ in }
    ) {
        var made = RunOptions(mode: mode)
        options(&made)
        var byNode: [NodeIndex: [ModelEntry]] = [:]
        for (name, keys) in models {
            byNode[graph.index(of: name)] = keys.map { ModelEntry(key: $0, model: object("model of \(name) \($0)")) }
        }
        self.init(
            graph: graph, options: made, inputs: Dictionary(uniqueKeysWithValues: graph.starts.map { ($0, inputs) }),
            models: byNode)
    }
}

extension Graph {
    /// This graph with one node changed.
    func replacing(_ name: String, _ change: (inout Node) -> Void) -> Graph {
        var changed = self
        change(&changed.nodes[index(of: name).position])
        return changed
    }
}
