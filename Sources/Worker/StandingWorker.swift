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
    /// Between two looks at a named store that is not the coordinator's. Milliseconds.
    private static let storePause: Int = 1000
    /// How long a coordinator may take to say whether it goes on without this worker.
    private static let farewellSeconds = 2.0

    /// Ends the worker from elsewhere.
    public let stop: Worker.StopSignal
    private let configuration: WorkerConfiguration
    private let log: Logger
    /// The address stands in a store, which is its coordinator's.
    private let endsWithStore: Bool
    /// Who answered last at the address, to a question and not to the worker.
    private var introduced: Epoch?
    /// Of whom it was told that it keeps refusing.
    private var refused: Epoch?

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
        var limit = configuration.welcomeLimit
        // Only who has been with one coordinator looks for the next.
        var looksUntil = ContinuousClock.now
        while var settings = try settings(patience, limit) {
            let own = try makeStore(for: &settings)
            defer { own?.remove() }
            do {
                let worker = try Worker(settings, stop: stop, log: log)
                try worker.run()
                // Told to leave by a coordinator: one that goes on without this worker, or one that ends.
                if stop.isAsked || !rejoins || goesOn(worker.coordination.welcome?.epoch) { return }
            } catch let failure as WorkerFailure where rejoins && failure.isOfCoordinator {
                if keepsRefusing(failure) {
                    guard ContinuousClock.now < looksUntil else { throw failure }
                    if try waitForStore(failure) { return }
                    continue
                }
                log.warning("looking for the next coordinator", metadata: ["reason": "\(failure)"])
            }
            looksUntil = ContinuousClock.now.advanced(by: .seconds(configuration.rejoinSeconds))
            patience = configuration.rejoinSeconds
            limit = "--rejoin"
        }
    }

    /// Whether it was the coordinator that stands at the address that does not take this worker's store: it would refuse it
    /// again at once, until another store stands where `--store` says.
    private func keepsRefusing(_ failure: WorkerFailure) -> Bool {
        failure.isOfStore && !beginsAnew && goesOn(introduced) && !stop.isAsked
    }

    /// - Returns: Whether it was told to end meanwhile.
    private func waitForStore(_ failure: WorkerFailure) throws -> Bool {
        if refused != introduced {
            log.warning("waiting for the coordinator's store", metadata: ["reason": "\(failure)"])
        }
        refused = introduced
        return try waitForStop(milliseconds: Self.storePause)
    }

    /// A store for one coordinator's time, where the host does not share its, and none is named. It lasts as long as the worker.
    private func makeStore(for settings: inout WorkerConfiguration) throws -> StoreDirectory? {
        guard beginsAnew else { return nil }
        StoreDirectory.reclaimAbandoned()
        let store = try StoreDirectory.create()
        settings.store = store.path
        return store
    }

    /// Each coordinator is offered a new store.
    private var beginsAnew: Bool { configuration.hasOwnStore && configuration.store == nil }

    /// An address within a store ends with the store; the owner of a watched worker starts another.
    private var rejoins: Bool {
        configuration.rejoinSeconds > 0 && !endsWithStore && configuration.watchDescriptor == nil
    }

    /// With the store's directory; nil when told to end before anybody answered.
    private func settings(_ patience: Double, _ limit: String) throws -> WorkerConfiguration? {
        var settings = configuration
        settings.welcomeSeconds = patience
        settings.welcomeLimit = limit
        if endsWithStore { return settings }
        guard let welcome = try introduce(within: patience, limit) else { return nil }
        introduced = welcome.epoch
        // One that was named is compared by the coordinator.
        if settings.store != nil || settings.hasOwnStore { return settings }
        guard let seen = try? StoreDirectory(opening: welcome.store), seen.identity == welcome.storeIdentity else {
            throw WorkerFailure.storeNotShared(address: configuration.address, store: welcome.store)
        }
        settings.store = welcome.store
        return settings
    }

    /// Asks the coordinator who it is, as a client does; waits for one that is about to end to make room for the next.
    private func introduce(within seconds: Double, _ limit: String) throws -> ClientWelcome? {
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
                    interruptions: interruptions)
                guard case .clientWelcome(let welcome) = answer else { return nil }
                return welcome
            } catch ConnectionFailure.refused(_, let error) where error.code == .shuttingDown && clock.now < deadline {
                if try waitForStop(milliseconds: Self.pause) { return nil }
            } catch ConnectionFailure.refused(let address, let error) {
                throw WorkerFailure.refused(address: address, error)
            } catch let failure as ConnectionFailure {
                guard case .noAnswer(let address, _, _, let obstacle, let hasKeys) = failure else {
                    throw WorkerFailure.noCoordinator(failure)
                }
                // The whole time, and not what was left of it.
                throw WorkerFailure.noCoordinator(
                    .noAnswer(address: address, seconds: seconds, limit: limit, obstacle, hasKeys: hasKeys))
            }
        }
    }

    /// What ends every wait: an order to end, or the end of the owner.
    private var interruptions: [Int32] { [stop.wakeup.descriptor] + (configuration.watchDescriptor.map { [$0] } ?? []) }

    private func goesOn(_ epoch: Epoch?) -> Bool {
        let hello = ClientHello(versions: Versions(anabranch: configuration.version), name: "worker")
        guard let connection = try? ControlConnection(configuration.address, keys: configuration.keysOfAddress),
            case .clientWelcome(let welcome)? = try? connection.ask(
                .clientHello(hello), within: Self.farewellSeconds, interruptions: interruptions)
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
        case .refused(_, let error): error.code == .shuttingDown || isOfStore
        default: false
        }
    }

    /// The worker's store is not the coordinator's, or not any more: another one may stand at the address since it was found.
    fileprivate var isOfStore: Bool {
        if case .refused(_, let error) = self { error.code == .storeMismatch } else { false }
    }
}
