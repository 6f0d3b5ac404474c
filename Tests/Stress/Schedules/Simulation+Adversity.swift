import AnabranchCore
import Scheduling

// What is done to workers, to the coordinator and by clients.
extension Simulation {
    private func pick(_ place: Int) -> WorkerID? {
        let alive = workers.keys.sorted()
        return alive.isEmpty ? nil : alive[place % alive.count]
    }

    func strike(_ step: Adversity) {
        switch step {
        case .drop, .double, .delay, .overtake: break
        case .join(_, let slots): join(newOffer(slots: slots))
        case .crash(_, let place, let noticed, let returns, let sameID): crash(place, noticed, returns, sameID)
        case .freeze(_, let place, let length): freeze(place, length)
        case .slow(_, let place, let times): if let id = pick(place) { workers[id]?.slowness = times }
        case .drain(_, let place): drain(place)
        case .stall(_, let length): stalledUntil = now.advanced(by: length)
        case .cancelRun(_, let run): tell(.runCancelled(run), about: run)
        case .cancelTask(_, let task):
            if let run = ledger.runs[task] { tell(.tasksCancelled([ledger.current[task] ?? task]), about: run) }
        case .clientGone(_, let run):
            if runs[run]?.isClosed == false { tell(.runClosed(run), about: run) }
        }
    }

    private func tell(_ event: SchedulerEvent, about run: RunID) {
        if runs[run]?.isOpen == true { agenda.add(.deliver([event]), at: now) }
    }

    private func freeze(_ place: Int, _ length: UInt64) {
        guard let id = pick(place), let worker = workers[id], !worker.isFrozen else { return }
        workers[id]?.isFrozen = true
        agenda.add(.thaw(id, life: worker.life), at: now.advanced(by: length))
    }

    private func drain(_ place: Int) {
        guard let id = pick(place), var worker = workers[id], !worker.isFrozen, !worker.isDraining else { return }
        worker.isDraining = true
        let queued = worker.queue + worker.held.map(\.attempt)
        worker.queue = []
        worker.held = []
        workers[id] = worker
        var random = chance(.drainNotice(id), worker.life)
        agenda.add(.deliver([.workerDrainRequested(id)]), at: now.advanced(by: random.microseconds(0...100_000)))
        sendUp(queued.map { .attemptEnded(id, $0, .returned, computeMicroseconds: 0) }, from: id)
    }

    private func crash(_ place: Int, _ noticed: UInt64?, _ returns: UInt64?, _ sameID: Bool) {
        guard let id = pick(place), let worker = workers.removeValue(forKey: id) else { return }
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

    private func newOffer(slots: UInt32) -> WorkerOffer {
        defer { nextWorker += 1 }
        return WorkerOffer(worker: WorkerID(nextWorker), slots: slots, executors: ["python", "native"])
    }

    /// The network behaves, frozen workers go on, and someone is there to do the work.
    func heal() {
        isHealed = true
        for id in workers.keys.sorted() {
            workers[id]?.slowness = 1
            if let life = workers[id]?.life { thaw(id, life) }
        }
        join(newOffer(slots: 2))
    }
}
