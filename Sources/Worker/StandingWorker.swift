import AnabranchCore
import Foundation
import Logging
import ObjectStore
import Wire

/// A worker that outlives its coordinators: finds the store of the one at its address, works for it, and looks for the next
/// one when it has ended.
///
/// Each coordinator gets a `Worker` of its own, so that nothing of the one before it, neither tasks nor runtimes nor views of
/// its store, is left.
public final class StandingWorker {
    /// Between two questions to a coordinator that is shutting down. Milliseconds.
    private static let pause: Int = 250
    /// How long a coordinator may take to say whether it goes on without this worker.
    private static let farewellSeconds = 2.0

    /// Ends the worker from elsewhere.
    public let stop: Worker.StopSignal
    private let configuration: WorkerConfiguration
    private let log: Logger
    /// The address stands in a store, which is its coordinator's.
    private let endsWithStore: Bool

    /// - Throws: `WireError` when the system has no descriptors left.
    public init(_ configuration: WorkerConfiguration, log: Logger = Logger(label: "anabranch.worker")) throws {
        self.configuration = configuration
        self.log = log
        endsWithStore = configuration.storeOfAddress != nil && !configuration.hasOwnStore
        stop = try Worker.StopSignal()
    }

    /// Runs until drained, stopped, or left by its owner, or until no coordinator is found any more.
    ///
    /// - Throws: `WorkerFailure` when no coordinator answers in time, it refuses, or its store is not here; `StoreError` when it
    ///   is to keep a store of its own and none can be made.
    public func run() throws {
        var patience = configuration.welcomeSeconds
        while var settings = try settings(patience) {
            let own = try makeStore(for: &settings)
            defer { own?.remove() }
            do {
                let worker = try Worker(settings, stop: stop, log: log)
                try worker.run()
                // Told to leave by a coordinator: one that goes on without this worker, or one that ends.
                if stop.isAsked || !rejoins || goesOn(worker.coordination.welcome?.epoch) { return }
            } catch let failure as WorkerFailure where rejoins && failure.isOfCoordinator {
                log.warning("looking for the next coordinator", metadata: ["reason": "\(failure)"])
            }
            patience = configuration.rejoinSeconds
        }
    }

    /// A store for one coordinator's time, where the host does not share its, and none is named. It lasts as long as the worker.
    private func makeStore(for settings: inout WorkerConfiguration) throws -> StoreDirectory? {
        guard settings.hasOwnStore, settings.store == nil else { return nil }
        StoreDirectory.reclaimAbandoned()
        let store = try StoreDirectory.create()
        settings.store = store.path
        return store
    }

    /// An address within a store ends with the store; the owner of a watched worker starts another.
    private var rejoins: Bool {
        configuration.rejoinSeconds > 0 && !endsWithStore && configuration.watchDescriptor == nil
    }

    /// With the store's directory; nil when told to end before anybody answered.
    private func settings(_ patience: Double) throws -> WorkerConfiguration? {
        var settings = configuration
        settings.welcomeSeconds = patience
        if endsWithStore { return settings }
        guard let welcome = try introduce(within: patience) else { return nil }
        // One that was named is compared by the coordinator.
        if settings.store != nil || settings.hasOwnStore { return settings }
        guard let seen = try? StoreDirectory(opening: welcome.store), seen.identity == welcome.storeIdentity else {
            throw WorkerFailure.storeNotShared(address: configuration.address, store: welcome.store)
        }
        settings.store = welcome.store
        return settings
    }

    /// Asks the coordinator who it is, as a client does; waits for one that is about to end to make room for the next.
    private func introduce(within seconds: Double) throws -> ClientWelcome? {
        let hello = ClientHello(versions: Versions(anabranch: configuration.version), name: "worker")
        let clock = ContinuousClock()
        let deadline = clock.now.advanced(by: .seconds(seconds))
        while true {
            let left = clock.now.duration(to: deadline)
            let time = Double(left.components.seconds) + Double(left.components.attoseconds) / 1e18
            do {
                let connection = try ControlConnection(configuration.address, keys: configuration.keysOfAddress)
                let answer = try connection.ask(
                    .clientHello(hello), within: max(0.1, time), isRepeatable: true,
                    interruption: stop.wakeup.descriptor)
                guard case .clientWelcome(let welcome) = answer else { return nil }
                return welcome
            } catch ConnectionFailure.refused(_, let error) where error.code == .shuttingDown && clock.now < deadline {
                if try waitForStop(milliseconds: Self.pause) { return nil }
            } catch ConnectionFailure.refused(let address, let error) {
                throw WorkerFailure.refused(address: address, error)
            } catch let failure as ConnectionFailure {
                guard case .noAnswer(let address, _, let obstacle, let hasKeys) = failure else {
                    throw WorkerFailure.noCoordinator(failure)
                }
                // The whole time, and not what was left of it.
                throw WorkerFailure.noCoordinator(
                    .noAnswer(address: address, seconds: seconds, obstacle, hasKeys: hasKeys))
            }
        }
    }

    private func goesOn(_ epoch: Epoch?) -> Bool {
        let hello = ClientHello(versions: Versions(anabranch: configuration.version), name: "worker")
        guard let connection = try? ControlConnection(configuration.address, keys: configuration.keysOfAddress),
            case .clientWelcome(let welcome)? = try? connection.ask(
                .clientHello(hello), within: Self.farewellSeconds, interruption: stop.wakeup.descriptor)
        else { return stop.isAsked }
        return welcome.epoch == epoch
    }

    private func waitForStop(milliseconds: Int) throws -> Bool {
        var poller = Poller<Int>()
        poller.watch(descriptor: stop.wakeup.descriptor, as: 0)
        return try !poller.wait(milliseconds: milliseconds).isEmpty
    }
}

extension WorkerFailure {
    /// The coordinator has ended, and this worker need not.
    fileprivate var isOfCoordinator: Bool {
        switch self {
        case .coordinatorEnded, .coordinatorLost: true
        case .refused(_, let error): error.code == .shuttingDown || error.code == .storeMismatch
        default: false
        }
    }
}
