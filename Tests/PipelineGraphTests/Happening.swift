import AnabranchCore
import PipelineGraph

enum Ending: String {
    case succeeded, failed, skipped, refused
}

/// One thing that a plan node did or refused to do, told in keys.
struct Happening: Hashable, CustomStringConvertible {
    var node: PlanNodeIndex
    var key: Key
    var ending: Ending
    /// What a firing read, as `node:key`, item by item; empty for one that did not run.
    var items: [[String]] = []
    var model: String?

    var description: String { "\(node)[\(key)] \(ending.rawValue) \(items) \(model ?? "-")" }
}
