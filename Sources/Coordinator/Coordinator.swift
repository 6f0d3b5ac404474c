import AnabranchCore
import ObjectStore
import Scheduling
import Synchronization
import Wire

/// A coordinator: one thread, its sockets, the store's directory, and an `Engine` that decides.
///
/// `@unchecked Sendable`: the loop is touched by the thread that makes the coordinator and then by the one that calls
/// `run`, never by both at a time; `stop` reaches it through a wake-up and an atomic flag only.
public final class Coordinator: @unchecked Sendable {
    private let loop: CoordinatorLoop
    private let wakeup: Wakeup
    private let stops = Atomic(0)

    /// Reclaims what killed coordinators left, makes the store and binds the sockets.
    ///
    /// - Throws: `CoordinatorFailure`, `StoreError` or `WireError`, naming the endpoint or directory; nothing is left behind.
    public init(configuration: CoordinatorConfiguration) throws {
        StoreDirectory.reclaimAbandoned(in: configuration.storeRoot)
        guard let capacity = FileSystemCapacity(of: configuration.storeRoot) else {
            throw StoreError.unusable(path: configuration.storeRoot, reason: "there is no such directory")
        }
        let budget = try StoreBudget(
            requested: configuration.storeBudget, capacity: capacity, directory: configuration.storeRoot)
        let store = try StoreDirectory.create(in: configuration.storeRoot)
        do {
            wakeup = try Wakeup()
            let metrics = try configuration.metrics.map {
                try MetricsListener($0, allowOthers: configuration.allowInsecureMetrics || configuration.allowInsecure)
            }
            loop = try CoordinatorLoop(
                configuration, store: store, budget: budget.bytes,
                sockets: try BoundSockets(configuration, storePath: store.path), metrics: metrics, wakeup: wakeup)
        } catch {
            store.remove()
            throw error
        }
    }

    /// Where clients and workers say hello.
    public var address: String { loop.sockets.controlEndpoint }

    /// Where the metrics are, HOST:PORT; nil when they are nowhere.
    public var metricsAddress: String? { loop.metrics?.address }

    /// Directory of the store.
    public var storePath: String { loop.store.path }

    /// Serves until `stop`, a client's shutdown, or the end of the embedding client; then removes the store. Call it once.
    public func run() throws {
        defer { loop.end() }
        try loop.run { self.stops.load(ordering: .acquiring) }
    }

    /// What the scheduler has counted. For tests, once `run` has returned.
    package var counters: SchedulerCounters { loop.engine.counters }

    /// Ends `run`: workers are told to leave and given a moment for it; a second call ends without waiting for them.
    /// For any thread, and for signal handlers.
    public func stop() {
        stops.add(1, ordering: .releasing)
        wakeup.signal()
    }
}
