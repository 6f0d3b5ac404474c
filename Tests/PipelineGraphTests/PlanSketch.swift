import AnabranchCore
import PipelineGraph

/// Plans by hand, in few words: inputs are named by their place in the plan.
struct PlanSketch {
    func plan(_ nodes: PlanNode..., keys: [[Key]], candidates: [Key]? = nil) -> Plan {
        var sourceKeys: [PlanNodeIndex: [Key]] = [:]
        for (index, keys) in keys.enumerated() { sourceKeys[PlanNodeIndex(UInt32(index))] = keys }
        return Plan(nodes: nodes, sourceKeys: sourceKeys, candidates: candidates)
    }

    func source(_ name: String) -> PlanNode { node(name, .source, [], operation: .source) }

    func union(_ name: String, _ inputs: UInt32..., variants: UInt32 = 0, model: UInt32? = nil) -> PlanNode {
        var made = node(name, .union, inputs)
        if variants > 0 {
            made.variantDimension = .variant(name)
            made.variantCount = variants
        }
        made.model = model.map { PlanEdge(PlanNodeIndex($0), .model) }
        return made
    }

    func alternatives(_ name: String, _ inputs: UInt32..., named names: [String]) -> PlanNode {
        var made = node(name, .union, inputs)
        made.via = .via(names)
        made.viaLabels = names.map { .text($0) }
        return made
    }

    func join(_ name: String, _ inputs: UInt32..., product: Bool = false) -> PlanNode {
        node(name, .join(product: product), inputs)
    }

    func gather(
        _ name: String, _ inputs: UInt32..., over: Set<Dimension>, missing: MissingPolicy = .fail
    ) -> PlanNode {
        node(name, .gather(over: over, product: false, missing: missing), inputs)
    }

    func split(_ name: String, _ input: UInt32, emits: Dimension) -> PlanNode {
        var made = node(name, .union, [input], operation: emits.kind == .fold ? .foldSplit : .split)
        made.emits = [emits]
        return made
    }

    func key(_ parts: (String, Label)...) -> Key {
        parts.reduce(.empty) { $0.setting(.data($1.0), to: $1.1) }
    }

    func part(_ label: Int64) -> Key { Key.empty.setting(.partition, to: .integer(label)) }

    func variants(_ parts: (String, Int64)...) -> Key {
        parts.reduce(.empty) { $0.setting(.variant($1.0), to: .integer($1.1)) }
    }

    /// `failing` names firings as `node:key`; each splitter answers `parts` parts.
    func fates(failing: Set<String> = [], parts: Int64 = 2, plan: Plan? = nil) -> Fates {
        Fates(
            fails: { node, key in failing.contains("\(node):\(key)") },
            parts: { node, _ in
                let emits = plan?.nodes[Int(node.rawValue)].emits.first ?? .data("group")
                return (0..<parts).map { Key.empty.setting(emits, to: .integer($0)) }
            })
    }

    private func node(
        _ name: String, _ rule: FiringRule, _ inputs: [UInt32], operation: PipelineGraph.Operation = .function
    ) -> PlanNode {
        PlanNode(
            name: name, node: nil, operation: operation, phase: .fit, rule: rule,
            inputs: inputs.map { PlanEdge(PlanNodeIndex($0)) })
    }
}
