import AnabranchCore
import PipelineGraph

extension Graph {
    /// Estimators, functions, parameter lists and splitters, each with the node that brings it.
    func forEachPayload(_ body: (ObjectRef, _ node: String) -> Void) {
        for node in nodes {
            for reference in [node.payload, node.variants, node.outOfFoldSplitter] {
                if let reference { body(reference, node.name) }
            }
        }
    }
}

extension RunRequest {
    /// Estimators, functions, parameter lists, splitters and scorers, each with the node that brings it (empty for the
    /// run's own options).
    func forEachPayload(_ body: (ObjectRef, _ node: String) -> Void) {
        graph.forEachPayload(body)
        for reference in [options.splitter, options.scorers] {
            if let reference { body(reference, "") }
        }
    }

    /// Every object that the request names, with the node that brings it.
    func forEachReference(_ body: (ObjectRef, _ node: String) -> Void) {
        forEachPayload(body)
        for (index, entries) in inputs {
            for entry in entries { entry.data.forEachReference { body($0, name(of: index)) } }
        }
        for (index, entries) in models {
            for entry in entries { body(entry.model, name(of: index)) }
        }
    }

    func name(of index: NodeIndex) -> String {
        let position = Int(index.rawValue)
        return graph.nodes.indices.contains(position) ? graph.nodes[position].name : "node \(index)"
    }
}
