import AnabranchCore
import PipelineGraph

/// What a task is a task for.
enum TaskOrigin: Hashable, Sendable {
    case firing(RunID, EntryID)
    case call(RunID, CallID)

    var run: RunID {
        switch self {
        case .firing(let run, _), .call(let run, _): run
        }
    }
}
