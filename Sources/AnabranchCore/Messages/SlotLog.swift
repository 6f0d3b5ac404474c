/// Text that a task wrote to its standard output or error. A NUL in it travels as U+2400.
public struct SlotLog: Hashable, Sendable {
    /// Nil: written while no task ran.
    public var task: TaskID?
    public var text: String
    public var isErrorStream: Bool

    public init(task: TaskID?, text: String, isErrorStream: Bool) {
        self.task = task
        self.text = text
        self.isErrorStream = isErrorStream
    }
}
