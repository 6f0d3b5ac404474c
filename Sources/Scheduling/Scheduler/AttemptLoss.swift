import AnabranchCore

/// An attempt that was taken from its task because what had it, or its result, was lost.
public struct AttemptLoss: Hashable, Sendable {
    public enum Cause: String, Hashable, Sendable {
        /// Its worker's process ended, or its connection dropped.
        case worker = "worker_lost"
        /// Its worker was not heard for a lease.
        case silence = "worker_silent"
        /// Its worker does not have it: the message, or the answer, was lost on the way.
        case message = "message_lost"
        /// The process that wrote its result ended before the result counted.
        case result = "result_lost"
    }

    public var attempt: Attempt
    public var worker: WorkerID
    public var cause: Cause
    /// It may have begun, and counts against the task's attempts.
    public var mayHaveBegun: Bool
    /// The task is tried again.
    public var isRetried: Bool
}
