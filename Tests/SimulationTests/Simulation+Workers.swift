import AnabranchCore
import Scheduling

// What workers do, and what is done to them.
extension Simulation {
    func join(_ offer: WorkerOffer) {
        lives += 1
        workers[offer.worker] = SimulatedWorker(offer: offer, life: lives)
        lastArrival[offer.worker] = nil
        agenda.add(.deliver([.workerJoined(offer)]), at: now)
        let first = now.advanced(by: random.microseconds(1...configuration.heartbeatMicroseconds))
        agenda.add(.heartbeat(offer.worker, life: lives), at: first)
    }

    /// The worker, unless that life has ended; when it is frozen the action waits for its thaw.
    private func reach(_ id: WorkerID, _ life: Int, _ action: Action) -> SimulatedWorker? {
        guard let worker = workers[id], worker.life == life else { return nil }
        if worker.isFrozen {
            workers[id]?.backlog.append(action)
            return nil
        }
        return worker
    }

    func arrive(_ id: WorkerID, _ life: Int, _ message: SimulatedWorker.Message, _ action: Action) {
        guard var worker = reach(id, life, action) else { return }
        switch message {
        case .run(let attempts):
            let new = attempts.filter { !worker.holds.contains($0) }
            if worker.isDraining {
                sendUp(new.map { .attemptEnded(id, $0, .returned, computeMicroseconds: 0) }, from: id)
                return
            }
            worker.queue += new
        case .cancel(let attempts):
            let held = attempts.filter { worker.holds.contains($0) }
            for attempt in held { drop(attempt, &worker) }
            if !held.isEmpty {
                sendUp(held.map { .attemptEnded(id, $0, .returned, computeMicroseconds: 0) }, from: id)
            }
        case .leave:
            workers[id] = nil
            agenda.add(.deliver([.workerLost(id)]), at: now.advanced(by: 100))
            return
        }
        startNext(&worker)
        workers[id] = worker
    }

    private func drop(_ attempt: Attempt, _ worker: inout SimulatedWorker) {
        worker.queue.removeAll { $0 == attempt }
        if worker.running.contains(attempt) {
            worker.running.removeAll { $0 == attempt }
            worker.busySlots -= slots(attempt, worker)
        }
    }

    private func slots(_ attempt: Attempt, _ worker: SimulatedWorker) -> UInt32 {
        min(ledger.tasks[attempt.task]?.ready.requirements.slots ?? 1, worker.offer.slots)
    }

    private func startNext(_ worker: inout SimulatedWorker) {
        var started: [SchedulerEvent] = []
        while let next = worker.queue.first, worker.busySlots + slots(next, worker) <= worker.offer.slots {
            worker.queue.removeFirst()
            worker.running.append(next)
            worker.busySlots += slots(next, worker)
            let duration = ledger.tasks[next.task]?.duration ?? 0
            agenda.add(.finish(worker.id, life: worker.life, next), at: now.advanced(by: duration))
            if duration > 1_000 { started.append(.attemptStarted(worker.id, next)) }
        }
        if !started.isEmpty { sendUp(started, from: worker.id) }
    }

    func finish(_ id: WorkerID, _ life: Int, _ attempt: Attempt, _ action: Action) {
        guard var worker = reach(id, life, action), worker.running.contains(attempt) else { return }
        drop(attempt, &worker)
        let duration = ledger.tasks[attempt.task]?.duration ?? 0
        let end = ledger.execute(attempt.task)
        sendUp([.attemptEnded(id, attempt, end, computeMicroseconds: duration)], from: id)
        startNext(&worker)
        workers[id] = worker
    }

    func heartbeat(_ id: WorkerID, _ life: Int, _ action: Action) {
        guard let worker = reach(id, life, action) else { return }
        sendUp([.heartbeat(id, running: worker.holds)], from: id)
        agenda.add(action, at: now.advanced(by: configuration.heartbeatMicroseconds))
    }

    // MARK: Faults

    private func pick() -> WorkerID? {
        let alive = workers.keys.sorted()
        return alive.isEmpty ? nil : alive[random.integer(0...alive.count - 1)]
    }

    func strike(_ fault: FaultPlan.Fault) {
        switch fault {
        case .join(let slots): join(newOffer(slots: slots))
        case .crash(let noticed, let returns, let sameID): crash(noticed, returns, sameID)
        case .freeze(let time):
            guard let id = pick(), let worker = workers[id], !worker.isFrozen else { return }
            workers[id]?.isFrozen = true
            agenda.add(.thaw(id, life: worker.life), at: now.advanced(by: time))
        case .drain:
            guard let id = pick(), var worker = workers[id], !worker.isFrozen, !worker.isDraining else { return }
            worker.isDraining = true
            let queued = worker.queue
            worker.queue = []
            workers[id] = worker
            agenda.add(.deliver([.workerDrainRequested(id)]), at: now.advanced(by: random.microseconds(0...100_000)))
            sendUp(queued.map { .attemptEnded(id, $0, .returned, computeMicroseconds: 0) }, from: id)
        }
    }

    private func crash(_ noticed: UInt64?, _ returns: UInt64?, _ sameID: Bool) {
        guard let id = pick(), let worker = workers.removeValue(forKey: id) else { return }
        if let noticed { agenda.add(.deliver([.workerLost(id)]), at: now.advanced(by: noticed)) }
        guard let returns else { return }
        var offer = worker.offer
        if sameID {
            // The hello of a restarted worker tells that the one before is gone.
            let back = max(returns, (noticed ?? 0) + 1)
            agenda.add(.deliver([.workerLost(id)]), at: now.advanced(by: back))
            agenda.add(.join(offer), at: now.advanced(by: back))
        } else {
            offer.worker = WorkerID(nextWorker)
            nextWorker += 1
            agenda.add(.join(offer), at: now.advanced(by: returns))
        }
    }

    func thaw(_ id: WorkerID, _ life: Int) {
        guard let worker = workers[id], worker.life == life else { return }
        workers[id]?.isFrozen = false
        workers[id]?.backlog = []
        for action in worker.backlog { agenda.add(action, at: now) }
    }

    private func newOffer(slots: UInt32) -> WorkerOffer {
        defer { nextWorker += 1 }
        return WorkerOffer(worker: WorkerID(nextWorker), slots: slots, executors: ["python", "native"])
    }

    /// The network behaves, frozen workers go on, and someone is there to do the work.
    func heal() {
        isHealed = true
        for id in workers.keys.sorted() {
            if let life = workers[id]?.life { thaw(id, life) }
        }
        join(newOffer(slots: 2))
    }
}
