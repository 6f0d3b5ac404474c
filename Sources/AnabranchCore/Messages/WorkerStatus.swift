public enum WorkerState: String, Hashable, Sendable {
    case active
    case draining
    case lost
    /// It said goodbye.
    case left
}

public struct WorkerStatus: Hashable, Sendable {
    public var worker: WorkerID
    public var host: String
    public var processID: UInt32
    public var slots: UInt32
    public var running: UInt32
    public var state: WorkerState
    /// Attempts that it has answered.
    public var finished: UInt64
    public var labels: [String]
    /// It does not see the coordinator's store.
    public var hasOwnStore: Bool
    /// What it offers.
    public var executors: [String]

    public init(
        worker: WorkerID, host: String, processID: UInt32, slots: UInt32, running: UInt32, state: WorkerState,
        finished: UInt64, labels: [String] = [], hasOwnStore: Bool = false, executors: [String] = []
    ) {
        self.worker = worker
        self.host = host
        self.processID = processID
        self.slots = slots
        self.running = running
        self.state = state
        self.finished = finished
        self.labels = labels
        self.hasOwnStore = hasOwnStore
        self.executors = executors
    }
}
