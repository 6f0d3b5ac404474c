import AnabranchCore
import Wire

/// Why a worker could not begin or had to end.
public enum WorkerFailure: Error, CustomStringConvertible {
    /// Nobody answered at this address.
    case noCoordinator(ConnectionFailure)
    /// The coordinator would not have this worker.
    case refused(address: String, ControlError)
    /// It answered once and does not any more.
    case coordinatorLost(address: String, seconds: Double)
    /// The coordinator's process is gone.
    case coordinatorEnded(address: String)
    /// A tcp address says nothing of the store.
    case noStore(address: String)
    /// The coordinator's store cannot be seen from here.
    case storeNotShared(address: String, store: String)
    /// The lane's endpoint is none, cannot be bound, or is open to others without keys.
    case laneUnusable(endpoint: String, reason: String)

    public var description: String {
        switch self {
        case .noCoordinator(let failure): failure.description
        case .refused(let address, let error): "the coordinator at \(address) refuses this worker: \(error.message)"
        case .coordinatorLost(let address, let seconds):
            "the coordinator at \(address) has not answered for \(seconds) s; this worker ends. Start it again when there is one"
        case .coordinatorEnded(let address): "the coordinator at \(address) has ended"
        case .noStore(let address):
            "\(address) does not say where the store is: name its directory with --store"
        case .storeNotShared(let address, let store):
            "the coordinator at \(address) keeps its store in \(store), which this worker does not see: run it where that directory "
                + "is shared (the coordinator's host, a common volume), name where it stands here with --store, or "
                + "start the worker with --own-store on a host that shares no memory with the coordinator's"
        case .laneUnusable(let endpoint, let reason): "the lane \(endpoint): \(reason)"
        }
    }
}
