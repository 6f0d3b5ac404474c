import AnabranchCore

@testable import PipelineGraph

/// Graphs of every kind and role, nodes in topological order, whose relations are defined.
enum RandomGraph {
    static func make(starts: [Key], labels: [Label], _ random: inout SeededGenerator) throws -> Graph {
        var oracle = GraphOracle(graph: Graph(name: "random", nodes: [], edges: []), labels: labels)
        let count = Int.random(in: 2...7, using: &random)
        for place in 0..<count {
            let sources = sources(of: place, &random)
            var node = node(place, isStart: sources.isEmpty, &random)
            if sources.count > 1, node.role != .splitter, random.chance(60) { node.kind = .and }
            for source in sources {
                oracle.graph.edges.append(Edge(source: NodeIndex(UInt32(source)), target: NodeIndex(UInt32(place))))
            }
            oracle.graph.nodes.append(node)
            if node.kind == .and, random.chance(40) {
                let read = try oracle.fit(starts).read[place]
                let shared = read.reduce(Set(read[0].dimensions)) { $0.intersection($1.dimensions) }
                if let over = shared.sorted().randomElement(using: &random) {
                    oracle.graph.nodes[place].over = [over.fullName]
                    oracle.graph.nodes[place].fit = .each
                    oracle.graph.nodes[place].inSample = true
                }
            }
        }
        return connected(oracle.graph)
    }

    private static func sources(of place: Int, _ random: inout SeededGenerator) -> [Int] {
        if place == 0 || place == 1 && random.chance(30) { return [] }
        return Array(
            (0..<place).shuffled(using: &random).prefix(random.chance(50) ? 1 : Int.random(in: 2...3, using: &random)))
    }

    private static func node(_ place: Int, isStart: Bool, _ random: inout SeededGenerator) -> Node {
        let name = "n\(place)"
        let variants: UInt32 = random.chance(25) ? 2 : 0
        var node: Node =
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4: .transformer(name, variants: variants)
            case 4..<7: .predictor(name, variants: variants)
            case 7..<9: .function(name, variants: variants)
            default: .splitter(name, splits: "part\(place)")
            }
        if random.chance(25) { node.fit = random.chance(50) ? .all : .sequential }
        node.inSample = random.chance(30)
        return node
    }

    /// Nodes that nothing reads and that read nothing feed a function of their own.
    private static func connected(_ graph: Graph) -> Graph {
        var made = graph
        let touched = Set(graph.edges.flatMap { [$0.source, $0.target] })
        for place in graph.nodes.indices where !touched.contains(NodeIndex(UInt32(place))) {
            made.edges.append(
                Edge(source: NodeIndex(UInt32(place)), target: NodeIndex(UInt32(made.nodes.count))))
            made.nodes.append(.function("after\(place)"))
        }
        return made
    }
}
