import AnabranchCore
import PipelineGraph

/// How the firings of a run end, decided by node and key alone, so that no order of endings can change it.
struct Fates {
    var fails: (PlanNodeIndex, Key) -> Bool = { _, _ in false }
    /// What a splitter answers.
    var parts: (PlanNodeIndex, Key) -> [Key] = { _, _ in [] }
}
