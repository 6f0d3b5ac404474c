import AnabranchCore
import OrderedCollections

/// What the events of one `handle` have made necessary; lanes get one message each, or several where one would be too large.
struct Outbox: Hashable, Sendable {
    var effects: [EngineEffect] = []
    var lanes: OrderedDictionary<WorkerID, TaskBatch> = [:]
    /// Messages that are full, before those of `lanes`.
    var full: [TaskBatch] = []
    private var weights: [WorkerID: Int] = [:]
    /// Bytes of tasks in one message; far below what a lane takes.
    private static let most = MessageLimit.data / 4
    /// Runs and sessions of which something is to be told.
    var changed: OrderedSet<RunID> = []
    /// Runs and sessions that may have become able to give the scheduler what it asked for.
    var restless: OrderedSet<RunID> = []

    /// The message down this worker's lane.
    mutating func lane(_ worker: WorkerID, _ epoch: Epoch, _ change: (inout TaskBatch) -> Void) {
        change(&lanes[worker, default: TaskBatch(epoch: epoch, worker: worker)])
    }

    /// Puts a task of about so many bytes into the message down this worker's lane.
    mutating func add(_ task: TaskAssignment, bytes: Int, to worker: WorkerID, _ epoch: Epoch) {
        let weight = weights[worker] ?? 0
        if weight > 0, weight + bytes > Self.most, let batch = lanes.removeValue(forKey: worker) {
            full.append(batch)
            weights[worker] = bytes
        } else {
            weights[worker] = weight + bytes
        }
        lane(worker, epoch) { $0.tasks.append(task) }
    }

    /// All messages that are down lanes, in the order in which each worker is to get them.
    mutating func takeBatches() -> [TaskBatch] {
        let batches = full + lanes.values
        full.removeAll()
        lanes.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
        return batches
    }

    /// Nothing goes to this worker any more; what was to be released there.
    mutating func dropLane(_ worker: WorkerID) -> [ObjectID] {
        let releases = full.filter { $0.worker == worker }.flatMap(\.releases) + (lanes[worker]?.releases ?? [])
        full.removeAll { $0.worker == worker }
        lanes[worker] = nil
        weights[worker] = nil
        return releases
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
