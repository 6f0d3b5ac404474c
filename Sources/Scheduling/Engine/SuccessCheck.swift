import AnabranchCore
import PipelineGraph

/// Whether a worker's success answers what was asked. A worker that answers anything else has a mistake in it, which
/// becomes a failure of that key.
enum SuccessCheck {
    /// Nil when the success is sound, otherwise what it lacks.
    static func complaint(about success: Success, for node: PlanNode) -> String? {
        switch node.operation {
        case .source:
            return "was never asked for"
        case .fit:
            if success.model == nil { return "has no model" }
            return output(success, node)
        case .apply:
            if node.wantsScore && success.scores.isEmpty { return "has no scores" }
            return output(success, node)
        case .function, .collectFolds:
            if node.wantsScore && success.scores.isEmpty { return "has no scores" }
            return output(success, node)
        case .foldSplit, .split:
            return parts(success, node)
        }
    }

    private static func output(_ success: Success, _ node: PlanNode) -> String? {
        node.wantsOutput && success.output == nil ? "has no output" : nil
    }

    private static func parts(_ success: Success, _ node: PlanNode) -> String? {
        if success.parts.isEmpty { return "has no parts" }
        var seen: Set<Key> = []
        for part in success.parts {
            guard let labels = Key(part.labels) else { return "has a part with two labels for one dimension" }
            guard labels.dimensions == node.emits.sorted() else {
                return "has a part labelled \(names(labels.dimensions)) where \(names(node.emits)) is declared"
            }
            guard seen.insert(labels).inserted else { return "has two parts labelled \(labels)" }
            if node.operation == .foldSplit && part.test == nil { return "has a fold (\(labels)) without test rows" }
        }
        return nil
    }

    private static func names(_ dimensions: [Dimension]) -> String {
        dimensions.isEmpty ? "nothing" : dimensions.map(\.shortName).joined(separator: ", ")
    }
}
