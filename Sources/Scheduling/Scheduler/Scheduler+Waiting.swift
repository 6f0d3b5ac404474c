import AnabranchCore

// Tasks that wait for tasks which they submitted themselves.
extension Scheduler {
    /// Exactly these attempts of the worker wait. They keep their leases and hold no slot, so that what they wait for can
    /// run there too; one that goes on holds its slots again, whether or not they are free: the worker gets nothing new
    /// until they are.
    mutating func attemptsWaiting(_ attempts: [Attempt], on worker: WorkerID, at now: Instant) {
        guard let index = workerIndex[worker] else {
            counters.unknownWorker += 1
            return
        }
        heard(index, at: now)
        if attempts.isEmpty && workers[index].waitingCount == 0 { return }
        let waiting = Set(attempts)
        let changed = workers[index].leases.filter { $0.value.isWaiting != waiting.contains($0.key) }
        if changed.isEmpty { return }
        workers[index].progressAt = now
        for (attempt, _) in changed.sorted(by: { $0.value.sequence < $1.value.sequence }) {
            guard var lease = removeLease(attempt, from: index) else { continue }
            lease.isWaiting.toggle()
            // It can only wait because it runs.
            lease.start()
            addLease(lease, for: attempt, to: index)
        }
    }
}
