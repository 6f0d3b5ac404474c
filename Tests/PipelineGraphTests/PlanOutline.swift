import AnabranchCore

@testable import PipelineGraph

extension Plan {
    /// A line for each plan node but sources of inputs: `name operation/phase rule [what it reads] flags`.
    var outline: [String] {
        nodes.filter { $0.rule != .source }.map(outline(of:))
    }

    func node(_ name: String) -> PlanNode? { nodes.first { $0.name == name } }

    /// Names of the fits that read test rows of the run's folds, themselves or through what they read.
    var fitsThatSeeTestRows: [String] {
        var tainted: [Bool] = []
        for node in nodes {
            let edges = node.inputs + [node.model].compactMap { $0 }
            tainted.append(
                edges.contains { edge in
                    let source = nodes[edge.source.position]
                    return tainted[edge.source.position]
                        || source.operation == .foldSplit && source.node == nil && edge.port == .test
                })
        }
        return zip(nodes, tainted).filter { $0.operation == .fit && $1 }.map(\.0.name)
    }

    private func outline(of node: PlanNode) -> String {
        var words = [node.name, "\(node.operation)/\(node.phase)", Self.outline(node.rule)]
        words.append("[" + node.inputs.map(outline(of:)).joined(separator: " ") + "]")
        if let model = node.model { words.append("model=" + outline(of: model)) }
        if let via = node.via { words.append("via=\(via.shortName)") }
        if let (dimension, count) = node.variants { words.append("\(dimension.shortName)×\(count)") }
        if !node.emits.isEmpty { words.append("emits=" + node.emits.map(\.fullName).joined(separator: "+")) }
        if node.inputForm != .single { words.append("\(node.inputForm)") }
        if node.fitMethod != .each { words.append("\(node.fitMethod)") }
        if node.wantsOutput { words.append("output") }
        if node.keepsOutput { words.append("kept") }
        if node.wantsScore { words.append("score") }
        if node.isInternal { words.append("internal") }
        return words.joined(separator: " ")
    }

    private func outline(of edge: PlanEdge) -> String {
        let name = nodes[edge.source.position].name
        return edge.port == .data ? name : "\(name).\(edge.port)"
    }

    private static func outline(_ rule: FiringRule) -> String {
        switch rule {
        case .source: "source"
        case .union: "union"
        case .join(let product): product ? "product" : "join"
        case .gather(let over, let product, let missing):
            "gather(" + over.sorted().map(\.fullName).joined(separator: "+") + ")" + (product ? " product" : "")
                + (missing == .drop ? " drop" : "")
        }
    }
}
