import AnabranchCore

/// What the loop waits for.
enum PollToken: Hashable, Sendable {
    case control
    case inbox
    /// Somebody shows a key.
    case authentication
    /// Something has happened to lanes.
    case lanes
    /// Somebody wants the metrics, or is getting them.
    case metrics
    /// Another thread wants something.
    case wakeup
    /// Whoever started the coordinator, embedded.
    case owner
}
