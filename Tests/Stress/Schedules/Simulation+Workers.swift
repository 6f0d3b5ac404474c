import AnabranchCore
import Scheduling

// What workers do, and what is done to them.
extension Simulation {
    func join(_ offer: WorkerOffer) {
        lives += 1
        workers[offer.worker] = SimulatedWorker(offer: offer, life: lives)
        for link in [Link.up(offer.worker.rawValue), .down(offer.worker.rawValue)] { lastArrival[link] = nil }
        var random = chance(.heartbeat(offer.worker), lives)
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
        case .ahead(let attempt, let predecessor):
            if worker.holds.contains(attempt) { return }
            if !worker.isDraining, worker.holds.contains(predecessor) {
                worker.held.append((attempt, predecessor))
            } else if !worker.isDraining, worker.succeeded.contains(predecessor) {
                worker.queue.insert(attempt, at: 0)
            } else {
                return sendUp([.attemptEnded(id, attempt, .returned, computeMicroseconds: 0)], from: id)
            }
        case .cancel(let attempts):
            var held = attempts.filter { worker.holds.contains($0) }
            for attempt in held { drop(attempt, &worker) }
            for attempt in held { held += worker.release(behind: attempt, all: true) }
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
        worker.held.removeAll { $0.attempt == attempt }
        if worker.running.contains(attempt) {
            worker.running.removeAll { $0 == attempt }
            worker.busySlots -= slots(attempt, worker)
        }
    }

    private func slots(_ attempt: Attempt, _ worker: SimulatedWorker) -> UInt32 {
        min(ledger.tasks[attempt.task]?.ready.requirements.cores ?? 1, worker.offer.slots)
    }

    private func startNext(_ worker: inout SimulatedWorker) {
        var started: [SchedulerEvent] = []
        while let next = worker.queue.first, worker.busySlots + slots(next, worker) <= worker.offer.slots {
            worker.queue.removeFirst()
            worker.running.append(next)
            worker.busySlots += slots(next, worker)
            let duration = (ledger.tasks[next.task]?.duration ?? 0) * worker.slowness
            agenda.add(.finish(worker.id, life: worker.life, next), at: now.advanced(by: duration))
            if duration > 1_000 { started.append(.attemptStarted(worker.id, next)) }
        }
        if !started.isEmpty { sendUp(started, from: worker.id) }
    }

    func finish(_ id: WorkerID, _ life: Int, _ attempt: Attempt, _ action: Action) {
        guard var worker = reach(id, life, action), worker.running.contains(attempt) else { return }
        drop(attempt, &worker)
        let duration = (ledger.tasks[attempt.task]?.duration ?? 0) * worker.slowness
        let end = ledger.execute(attempt.task)
        var ended: [SchedulerEvent] = [.attemptEnded(id, attempt, end, computeMicroseconds: duration)]
        if end == .succeeded {
            worker.succeeded.insert(attempt)
            worker.queue.insert(contentsOf: worker.release(behind: attempt, all: false), at: 0)
        } else {
            ended += worker.release(behind: attempt, all: true).map {
                .attemptEnded(id, $0, .returned, computeMicroseconds: 0)
            }
        }
        sendUp(ended, from: id)
        startNext(&worker)
        workers[id] = worker
    }

    func heartbeat(_ id: WorkerID, _ life: Int, _ action: Action) {
        guard let worker = reach(id, life, action) else { return }
        sendUp([.heartbeat(id, running: worker.holds)], from: id)
        agenda.add(action, at: now.advanced(by: configuration.heartbeatMicroseconds))
    }

    /// Continues where it was stopped.
    func thaw(_ id: WorkerID, _ life: Int) {
        guard let worker = workers[id], worker.life == life else { return }
        workers[id]?.isFrozen = false
        workers[id]?.backlog = []
        for action in worker.backlog { agenda.add(action, at: now) }
    }
}
