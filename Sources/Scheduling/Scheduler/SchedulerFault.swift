import AnabranchCore

/// A bug of ours: the shell told of something that cannot be, or the machine contradicts itself. Nothing that a peer
/// sends makes one.
public struct SchedulerFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public var message: String
    /// What the scheduler knows of the task, run or worker.
    public var story: String

    public init(_ message: String, story: String = "") {
        self.message = message
        self.story = story
    }

    public var description: String { story.isEmpty ? message : "\(message) (\(story))" }
}
