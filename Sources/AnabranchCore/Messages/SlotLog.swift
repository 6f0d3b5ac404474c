/// Text that a task wrote to its standard output or error. A NUL in it travels as U+2400.
public struct SlotLog: Hashable, Sendable {
    /// Nil: written while no task ran.
    public var task: TaskID?
    public var text: String
    public var isErrorStream: Bool
    /// Filled in by the coordinator; empty for a call.
    public var node: String
    /// Filled in by the coordinator.
    public var worker: WorkerID?

    public init(task: TaskID?, text: String, isErrorStream: Bool, node: String = "", worker: WorkerID? = nil) {
        self.node = node
        self.worker = worker
        self.task = task
        self.text = text
        self.isErrorStream = isErrorStream
    }
}
