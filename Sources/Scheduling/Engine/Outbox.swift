import AnabranchCore
import Collections

/// What the events of one `handle` have made necessary; lanes get one message each.
struct Outbox: Hashable, Sendable {
    var effects: [EngineEffect] = []
    var lanes: OrderedDictionary<WorkerID, TaskBatch> = [:]
    /// Runs and sessions of which something is to be told.
    var changed: OrderedSet<RunID> = []
    /// Runs and sessions that may have become able to give the scheduler what it asked for.
    var restless: OrderedSet<RunID> = []

    /// The message down this worker's lane.
    mutating func lane(_ worker: WorkerID, _ epoch: Epoch, _ change: (inout TaskBatch) -> Void) {
        change(&lanes[worker, default: TaskBatch(epoch: epoch, worker: worker)])
    }

    mutating func takeChanged() -> OrderedSet<RunID> {
        defer { changed = [] }
        return changed
    }

    mutating func takeRestless() -> OrderedSet<RunID> {
        defer { restless = [] }
        return restless
    }
}
