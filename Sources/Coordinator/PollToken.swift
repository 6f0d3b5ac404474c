import AnabranchCore

/// What the loop waits for.
enum PollToken: Hashable, Sendable {
    case control
    case inbox
    case lane(WorkerID)
    /// Another thread wants something.
    case wakeup
    /// Whoever started the coordinator, embedded.
    case owner
}
