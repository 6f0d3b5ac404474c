/// Worker to coordinator, into the inbox: whatever is ready.
public struct ResultBatch: Hashable, Sendable {
    public var epoch: Epoch
    public var worker: WorkerID
    public var results: [TaskResult]
    public var heartbeat: Heartbeat?
    public var released: [HeldReleased]
    public var writersOpened: [WriterID]
    public var writersClosed: [WriterID]
    public var logs: [SlotLog]
    public var started: [Attempt]
    /// All that wait for what they submitted themselves; nil: as before.
    public var waiting: [Attempt]?

    public init(
        epoch: Epoch, worker: WorkerID, results: [TaskResult] = [], heartbeat: Heartbeat? = nil,
        released: [HeldReleased] = [], writersOpened: [WriterID] = [], writersClosed: [WriterID] = [],
        logs: [SlotLog] = [], started: [Attempt] = [], waiting: [Attempt]? = nil
    ) {
        self.epoch = epoch
        self.worker = worker
        self.results = results
        self.heartbeat = heartbeat
        self.released = released
        self.writersOpened = writersOpened
        self.writersClosed = writersClosed
        self.logs = logs
        self.started = started
        self.waiting = waiting
    }
}
