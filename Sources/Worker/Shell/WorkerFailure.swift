/// Why a worker could not begin or had to end.
public enum WorkerFailure: Error, CustomStringConvertible {
    /// Nobody answered at this address.
    case noCoordinator(address: String, seconds: Double)
    /// The coordinator would not have this worker.
    case refused(address: String, reason: String)
    /// It answered once and does not any more.
    case coordinatorLost(address: String, seconds: Double)
    /// The coordinator's process is gone.
    case coordinatorEnded(address: String)
    /// A tcp address says nothing of the store.
    case noStore(address: String)

    public var description: String {
        switch self {
        case .noCoordinator(let address, let seconds):
            "no coordinator answered at \(address) within \(seconds) s: is it running, and is the address right?"
        case .refused(let address, let reason): "the coordinator at \(address) refuses this worker: \(reason)"
        case .coordinatorLost(let address, let seconds):
            "the coordinator at \(address) has not answered for \(seconds) s; this worker ends. Start it again when there is one"
        case .coordinatorEnded(let address): "the coordinator at \(address) has ended, and so does this worker"
        case .noStore(let address):
            "\(address) does not say where the store is: name its directory with --store"
        }
    }
}
