import AnabranchCore
import Glibc
import Logging
import ObjectStore
import Scheduling
import Wire

/// The coordinator's one thread: waits, drains the sockets, lets the engine decide on all of it at once, performs.
final class CoordinatorLoop {
    let configuration: CoordinatorConfiguration
    let store: StoreDirectory
    let budget: UInt64
    let sockets: BoundSockets
    let metrics: MetricsListener?
    let epoch: Epoch
    let logger: Logger
    var engine: Engine
    var poller = Poller<PollToken>()
    var lanes: [WorkerID: Lane] = [:]
    let laneEvents: SocketSet<WorkerID>
    var connections = Connections()
    /// What has been seen and not yet been handled.
    var events: [EngineEvent] = []
    /// How many the engine has been told of.
    var malformedMessages: UInt64 = 0
    /// Writers whose locks have been seen held, and not yet given up.
    var lockedWriters: Set<WriterID> = []
    let prefix = Frame()
    let frame = Frame()
    private let wakeup: Wakeup
    /// What the engine is being told, and what it wants done; kept for their room.
    private var batch: [EngineEvent] = []
    private var effects: [EngineEffect] = []
    private var nextProbe: Instant?
    /// Before then, strangers are turned away without a word.
    var nextRefusalLog = Instant(microseconds: 0)
    var noticeLimit = NoticeLimit()
    /// When the end comes, whoever is left.
    private var deadline: Instant?

    init(
        _ configuration: CoordinatorConfiguration, store: StoreDirectory, budget: UInt64, sockets: BoundSockets,
        metrics: MetricsListener?, wakeup: Wakeup
    ) throws(WireError) {
        laneEvents = try SocketSet()
        self.configuration = configuration
        self.store = store
        self.budget = budget
        self.sockets = sockets
        self.metrics = metrics
        self.wakeup = wakeup
        logger = configuration.logger
        epoch = Epoch(UInt64.random(in: 1...UInt64.max))
        engine = Engine(
            configuration: EngineConfiguration(
                epoch: epoch, versions: Versions(anabranch: configuration.version), storeIdentity: store.identity,
                store: store.path, storeBudget: budget,
                scheduler: SchedulerConfiguration(
                    leaseMicroseconds: configuration.leaseMilliseconds * 1000,
                    heartbeatMicroseconds: configuration.heartbeatMilliseconds * 1000),
                maxAttempts: configuration.maxAttempts, leaseMicroseconds: configuration.leaseMilliseconds * 1000,
                carryLimit: configuration.carryLimit,
                unixOffset: MonotonicClock.unixMicroseconds - MonotonicClock.now.microseconds))
    }

    /// - Parameter stops: How often an end has been asked for; may change at any time.
    func run(stops: () -> Int) throws(WireError) {
        poller.watch(sockets.inbox, as: .inbox)
        poller.watch(sockets.control, as: .control)
        poller.watch(descriptor: laneEvents.descriptor, as: .lanes)
        if let authenticator = sockets.authenticator { poller.watch(authenticator.requests, as: .authentication) }
        if let metrics { poller.watch(descriptor: metrics.descriptor, as: .metrics) }
        poller.watch(descriptor: wakeup.descriptor, as: .wakeup)
        if let descriptor = configuration.watchDescriptor { poller.watch(descriptor: descriptor, as: .owner) }
        logger.info("serving", metadata: ["address": "\(sockets.controlEndpoint)", "store": "\(store.path)"])
        while true {
            let ready = try poller.wait(milliseconds: timeout(at: MonotonicClock.now))
            try receive(ready)
            let asked = stops()
            if asked > 0 && deadline == nil { events.append(.shutdownRequested) }
            let now = MonotonicClock.now
            probe(at: now)
            if let due = engine.nextDeadline, due <= now { events.append(.tick) }
            try settle(at: now)
            metrics?.expire(at: now)
            if let deadline, asked > 1 || deadline <= now || engine.isDeserted { return }
        }
    }

    /// Lets the engine decide, and performs, until performing brings nothing new.
    private func settle(at now: Instant) throws(WireError) {
        while !events.isEmpty {
            swap(&events, &batch)
            engine.handle(batch, at: now, effects: &effects)
            for effect in effects { try perform(effect, at: now) }
            forgetStrangers(batch)
            batch.removeAll(keepingCapacity: true)
            effects.removeAll(keepingCapacity: true)
        }
    }

    /// Asks the engine where it stands: a question to another module's struct in a property costs a copy of all of it.
    func ask<Answer>(_ question: (inout Engine) -> Answer) -> Answer { question(&engine) }

    private func receive(_ ready: [PollToken]) throws(WireError) {
        // Results first: what a worker answered before it went counts before its going does.
        if ready.contains(.inbox) { try receiveInbox() }
        for token in ready {
            switch token {
            case .inbox: break
            case .authentication: try authenticate()
            case .control: try receiveControl()
            case .lanes: for worker in laneEvents.ready() { try watchLane(worker) }
            case .metrics: metrics?.serve(at: MonotonicClock.now) { engine.metrics().text }
            case .wakeup: wakeup.clear()
            case .owner: readOwner()
            }
        }
        countMalformed()
    }

    /// End of file means that the embedding client has ended, however it did.
    private func readOwner() {
        guard let descriptor = configuration.watchDescriptor else { return }
        var byte: UInt8 = 0
        let count = read(descriptor, &byte, 1)
        if count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR)) { return }
        poller.forget(.owner)
        logger.info("the client that started this coordinator has ended")
        events.append(.shutdownRequested)
    }

    func beginEnd(at now: Instant) {
        if deadline == nil { deadline = now.advanced(by: configuration.drainMilliseconds * 1000) }
    }

    private func probe(at now: Instant) {
        if let due = nextProbe, due <= now {
            probeWriters()
            nextProbe = nil
        }
        if nextProbe == nil, needsProbe { nextProbe = now.advanced(by: 500_000) }
    }

    private func timeout(at now: Instant) -> Int? {
        let due: Instant? = .first(.first(engine.nextDeadline, nextProbe), .first(deadline, metrics?.nextDeadline))
        return due.map { Int(($0.since(now) + 999) / 1000) }
    }

    /// Closes everything and removes the store.
    func end() {
        for worker in lanes.keys { laneEvents.remove(worker) }
        for lane in lanes.values { lane.socket.close() }
        lanes = [:]
        sockets.close()
        metrics?.close()
        store.remove()
        logger.info("ended", metadata: ["address": "\(sockets.controlEndpoint)"])
    }
}
