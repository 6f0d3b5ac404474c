import AnabranchCore

/// A valid graph's shape: who reads whom, in an order in which every node comes after its sources.
struct Topology: Hashable, Sendable {
    /// By node, in edge order.
    let sources: [[NodeIndex]]
    let targets: [[NodeIndex]]
    let order: [NodeIndex]

    /// The ends of all edges must be nodes.
    init(_ graph: Graph) throws(GraphError) {
        var sources = [[NodeIndex]](repeating: [], count: graph.nodes.count)
        var targets = sources
        for edge in graph.edges {
            sources[edge.target.position].append(edge.source)
            targets[edge.source.position].append(edge.target)
        }
        var missing = sources.map(\.count)
        var order = graph.nodes.indices.filter { missing[$0] == 0 }.map { NodeIndex(UInt32($0)) }
        var next = 0
        while next < order.count {
            for target in targets[order[next].position] {
                missing[target.position] -= 1
                if missing[target.position] == 0 { order.append(target) }
            }
            next += 1
        }
        self.sources = sources
        self.targets = targets
        self.order = order
        if order.count < graph.nodes.count {
            throw .cycle(Self.cycle(missing: missing, sources: sources).map { graph.nodes[$0.position].name })
        }
    }

    /// Walks backwards among nodes that never became ready, each of which has a source like itself, until one repeats.
    private static func cycle(missing: [Int], sources: [[NodeIndex]]) -> [NodeIndex] {
        var path: [NodeIndex] = []
        var place: [NodeIndex: Int] = [:]
        var current = missing.firstIndex { $0 > 0 }.map { NodeIndex(UInt32($0)) }
        while let node = current {
            path.append(node)
            if let start = place[node] { return path[start...].reversed() }
            place[node] = path.count - 1
            current = sources[node.position].first { missing[$0.position] > 0 }
        }
        return path.reversed()
    }

    func isSource(_ node: NodeIndex) -> Bool { sources[node.position].isEmpty }
    func isSink(_ node: NodeIndex) -> Bool { targets[node.position].isEmpty }

    /// `nodes` and everything that they read, directly or not.
    func ancestors(including nodes: some Sequence<NodeIndex>) -> Set<NodeIndex> {
        var found = Set(nodes)
        for node in order.reversed() where found.contains(node) { found.formUnion(sources[node.position]) }
        return found
    }
}

extension NodeIndex {
    var position: Int { Int(rawValue) }
}
