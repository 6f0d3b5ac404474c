import AnabranchCore

/// Who runs a writer, and so hears of the regions that it may use again.
public enum ObjectOwner: Hashable, Sendable {
    /// The writer belongs to a worker (itself, or one of its runtimes).
    case worker(WorkerID)
    case client(ClientID)
}
