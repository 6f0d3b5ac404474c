/// Coordinator to worker, down its lane.
public struct TaskBatch: Hashable, Sendable {
    public var epoch: Epoch
    public var worker: WorkerID
    public var tasks: [TaskAssignment]
    public var cancels: [Attempt]
    /// Objects whose regions their writers may use again.
    public var releases: [ObjectID]
    /// Finish what runs, give back what is queued, leave.
    public var drain: Bool
    /// Counts up from 1 for each worker, whose heartbeats tell which one came last.
    public var number: UInt64

    public init(
        epoch: Epoch, worker: WorkerID, tasks: [TaskAssignment] = [], cancels: [Attempt] = [],
        releases: [ObjectID] = [], drain: Bool = false, number: UInt64 = 0
    ) {
        self.epoch = epoch
        self.worker = worker
        self.tasks = tasks
        self.cancels = cancels
        self.releases = releases
        self.drain = drain
        self.number = number
    }
}
