import AnabranchCore
import PipelineGraph

/// What a task is a task for.
enum TaskOrigin: Hashable, Sendable {
    case firing(RunID, EntryID)
    case call(RunID, CallID)
    /// A firing that has ended before, because bytes that it made are gone.
    case remake(RunID, EntryID)

    var run: RunID {
        switch self {
        case .firing(let run, _), .call(let run, _), .remake(let run, _): run
        }
    }
}
