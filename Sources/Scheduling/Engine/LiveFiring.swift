import AnabranchCore
import PipelineGraph

/// A firing that the scheduler has and that has not ended.
struct LiveFiring: Hashable, Sendable {
    let firing: Firing
    let task: TaskID
}
