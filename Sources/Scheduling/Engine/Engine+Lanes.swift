import AnabranchCore

// A worker gets tasks while its lane stands, and not before it has stood.
extension Engine {
    /// So long after its hello a worker whose lane does not stand is warned of. Microseconds.
    static let lanePatience: UInt64 = 5_000_000

    /// Its lane stands: for the first time, or again, and then it is the same process with what it had.
    mutating func laneStands(_ id: WorkerID, at now: Instant) {
        guard var worker = workers[id], worker.state == .lost || !worker.isReached, !worker.hasLeft else { return }
        unreached[id] = nil
        worker.isReached = true
        if worker.state == .lost {
            worker.state = worker.isDraining ? .draining : .active
            if worker.isDraining { outbox.lane(id, configuration.epoch) { $0.drain = true } }
        }
        if !worker.releases.isEmpty {
            outbox.lane(id, configuration.epoch) { $0.releases.append(contentsOf: worker.releases) }
            worker.releases = []
        }
        workers[id] = worker
        outbox.effects.append(.publishWorker(worker.status))
        feed([.workerJoined(worker.offer)] + (worker.isDraining ? [.workerDrainRequested(id)] : []), at: now)
        tellAwaiting()
    }

    /// Says once of each worker that its lane does not come about: it has said a wrong address, or something is in the way.
    mutating func tellUnreachable(at now: Instant) {
        if unreached.isEmpty { return }
        for id in unreached.filter({ $0.value <= now }).map(\.key).sorted() {
            unreached[id] = nil
            guard let worker = workers[id] else { continue }
            outbox.effects.append(.laneUnreachable(id, host: worker.hello.host, endpoint: worker.hello.lane))
        }
    }
}
