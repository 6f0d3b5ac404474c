import AnabranchCore

extension Engine {
    mutating func workerHello(_ connection: ClientID, _ request: UInt64, _ hello: WorkerHello, at now: Instant) {
        if let refusal = refusal(of: hello) {
            return reply(connection, request, .error(refusal))
        }
        if let known = workers.values.first(where: { $0.hello.instance == hello.instance }) {
            // One that is lost returns with its lane: a word that was said before its end brings nobody back.
            return reply(connection, request, .workerWelcome(known.id))
        }
        if let old = workers.values.first(where: { $0.hello.lane == hello.lane && $0.state != .lost }) {
            workerLost(old.id, at: now)
        }
        let id = makeWorkerID()
        let store = seesOwnStore(hello) ? separateStores.join(hello, as: id) : .coordinator
        let record = WorkerRecord(id: id, hello: hello, store: store)
        workers[record.id] = record
        if record.cores > largestWorker?.cores ?? 0 { largestWorker = record }
        for writer in hello.writers { catalog.writerOpened(writer, owner: .worker(record.id)) }
        reply(connection, request, .workerWelcome(record.id))
        outbox.effects.append(.connectLane(record.id, endpoint: hello.lane))
        unreached[record.id] = now.advanced(by: Self.lanePatience)
    }

    private func seesOwnStore(_ hello: WorkerHello) -> Bool {
        hello.hasOwnStore && hello.storeIdentity != configuration.storeIdentity
    }

    private static let mostSlots: UInt32 = 65_536
    private static let mostThreads: UInt32 = 65_536

    private func refusal(of hello: WorkerHello) -> ControlError? {
        if isShuttingDown { return ControlError(code: .shuttingDown, message: "the coordinator is shutting down") }
        let what = "worker on \(hello.host) (process \(hello.processID))"
        if let message = VersionCheck.refusal(of: hello.versions, what, by: configuration.versions) {
            return ControlError(code: .versionMismatch, message: message)
        }
        if separateStores.hasEnded(hello.storeIdentity) {
            return ControlError(
                code: .storeMismatch,
                message:
                    "the \(what) was given up for lost, and with it all that its store \(hello.store) held; it has to begin "
                    + "anew with another store")
        }
        if hello.storeIdentity != configuration.storeIdentity, !hello.hasOwnStore {
            let seen =
                hello.storeIdentity.isEmpty
                ? "no store in \(hello.store)" : "the store \(hello.store) with identity \(hello.storeIdentity)"
            return ControlError(
                code: .storeMismatch,
                message:
                    "the \(what) sees \(seen); the coordinator's is "
                    + "\(configuration.store) with identity \(configuration.storeIdentity); "
                    + "start the worker where it sees that directory (--store names it where it stands elsewhere there), or, on "
                    + "a host that does not share it, with --own-store")
        }
        if !["ipc://", "tcp://"].contains(where: hello.lane.hasPrefix) {
            return ControlError(
                code: .invalidRequest,
                message: "the \(what) has its lane at \(hello.lane.prefix(200)): it has to be ipc:// or tcp://")
        }
        if hello.slots == 0 || hello.slots > Self.mostSlots {
            return ControlError(
                code: .invalidRequest,
                message: "the \(what) offers \(hello.slots) slots; start it with --slots 1 to \(Self.mostSlots)")
        }
        if hello.threadsPerSlot > Self.mostThreads {
            return ControlError(
                code: .invalidRequest,
                message:
                    "the \(what) offers \(hello.threadsPerSlot) threads per slot; start it with --threads-per-slot 1 to "
                    + "\(Self.mostThreads)")
        }
        for other in workers.values where other.state != .lost && other.hello.instance != hello.instance {
            let name = "worker \(other.id) on \(other.hello.host)"
            if let message = VersionCheck.mismatch(hello.versions, "the \(what)", other.hello.versions, name) {
                return ControlError(code: .versionMismatch, message: message)
            }
        }
        for client in clients.values where !client.runs.isEmpty {
            let name = "the client \(client.introduction.name)"
            let versions = client.introduction.versions
            if let message = VersionCheck.mismatch(hello.versions, "the \(what)", versions, name) {
                return ControlError(code: .versionMismatch, message: message)
            }
        }
        return nil
    }

    /// Its connection dropped, or another process stands at its lane. What it had is given to others; what it still
    /// answers counts if it comes first.
    mutating func workerLost(_ id: WorkerID, at now: Instant) {
        guard let worker = workers[id], worker.state != .lost else { return }
        unreached[id] = nil
        workers[id]?.state = .lost
        // Its runtimes may live on: what they may use again they hear when it returns.
        workers[id]?.takeBackReleases(outbox.dropLane(id))
        outbox.effects.append(.publishWorker(workers[id]?.status ?? worker.status))
        feed([.workerLost(id)], at: now)
        tellAwaiting()
        retireIfEnded(id, at: now)
    }

    /// Of one that another coordinator had called by the same number it says nothing.
    mutating func workerSaidGoodbye(_ id: WorkerID, _ instance: UInt64, at now: Instant) {
        guard workers[id]?.hello.instance == instance else {
            dropped += 1
            return
        }
        workerLeft(id, at: now)
    }

    mutating func workerLeft(_ id: WorkerID, at now: Instant) {
        guard workers.contains(id) else { return }
        workers[id]?.hasLeft = true
        workerLost(id, at: now)
        outbox.effects.append(.disconnectLane(id))
    }

    /// Forgets a lost worker once no process of it lives: until then its tasks' arguments may still be read.
    mutating func retireIfEnded(_ id: WorkerID, at now: Instant) {
        guard let worker = workers[id], worker.state == .lost else { return }
        guard catalog.liveWriters(of: .worker(id)).isEmpty else { return }
        workers[id] = nil
        for lent in worker.lent.sorted(by: { $0.key < $1.key }) {
            for argument in lent.value.arguments { catalog.endUse(argument) }
            keepLost(lent.key, of: id, lent.value, at: now)
        }
        if !worker.hasLeft { outbox.effects.append(.disconnectLane(id)) }
        if !workers.values.contains(where: { $0.store == worker.store }) { storeEnded(worker.store, at: now) }
    }

    /// Writers whose processes may have ended unseen: clients', and those of lost workers. The shell
    /// tries their locks and reports the ended ones by `writersEnded`.
    public var writersToProbe: [WriterID] {
        catalog.liveWriters { owner in
            guard case .worker(let id) = owner, let worker = workers[id] else { return true }
            // One that is only silent may stand still with a runtime that has not taken its lock yet. It tells of its writers
            // itself when it goes on, and its lane's connection drops when it does not.
            return worker.state == .lost
        }
    }

    mutating func writersEnded(_ writers: [WriterID], at now: Instant) {
        for writer in writers {
            let owner = catalog.owner(of: writer)
            catalog.writerClosed(writer)
            switch owner {
            case .client(let client): clientVanished(client, at: now)
            case .worker(let worker):
                retireIfEnded(worker, at: now)
            case nil: break
            }
        }
    }

    mutating func drainWorker(_ id: WorkerID, at now: Instant) {
        guard workers[id]?.state == .active else { return }
        workers[id]?.state = .draining
        workers[id]?.isDraining = true
        outbox.lane(id, configuration.epoch) { $0.drain = true }
        if let worker = workers[id] { outbox.effects.append(.publishWorker(worker.status)) }
        feed([.workerDrainRequested(id)], at: now)
        tellAwaiting()
    }
}
