import AnabranchCore

// What waits behind a slow task is taken back when another worker is idle.
extension Scheduler {
    /// Looks only when a worker is idle for want of ready tasks while another has more than its slots hold; and at such a
    /// worker's queue only when it may have to give something back.
    mutating func rebalance(at now: Instant) {
        rebalanceDeadline = nil
        if overcommitted.isEmpty || !open.contains(where: { workers[$0].freeSlots > 0 }) { return }
        let patience = configuration.prefetchMicroseconds
        var idle: Set<Int>?
        for index in overcommitted where workers[index].standing == .active && !workers[index].hasNothingToRecall {
            let stalledAt = workers[index].progressAt.advanced(by: patience)
            let isStalled = stalledAt <= now || workers[index].longSlots >= workers[index].slots
            if !isStalled, hasLittleWaiting(index, at: now, until: stalledAt) {
                rebalanceDeadline = extendedDeadline(rebalanceDeadline, workers[index].littleWaitsUntil)
                continue
            }
            counters.inspected += UInt64(workers[index].leases.count)
            let all = waitingLeases(index)
            if all.isEmpty {
                workers[index].hasNothingToRecall = true
                continue
            }
            let shapes = idle ?? idleShapes
            idle = shapes
            let waiting = all.filter { shape(of: $0).map(shapes.contains) == true }
            if waiting.isEmpty { continue }
            if isStalled {
                recall(waiting, from: index)
            } else if expectedWait(waiting, slots: workers[index].slots) > 2 * patience {
                // It goes on working; what the idle ones can start on is half at the most.
                recall(Array(waiting.suffix(waiting.count / 2)), from: index)
            } else {
                rebalanceDeadline = extendedDeadline(rebalanceDeadline, stalledAt)
            }
        }
    }

    /// Whether all that has not begun at the worker takes so little that nothing would be recalled, whatever of it waits.
    /// What is found so stays so until `end`, as what comes later is no more than a queue takes.
    private mutating func hasLittleWaiting(_ index: Int, at now: Instant, until end: Instant) -> Bool {
        if now < workers[index].littleWaitsUntil { return true }
        let most = 2 * configuration.prefetchMicroseconds * UInt64(workers[index].slots)
        var total: UInt64 = 0
        counters.inspected += UInt64(workers[index].leases.count)
        for (attempt, lease) in workers[index].leases where !lease.hasStarted {
            guard let lane = tasks[attempt.task]?.lane else { continue }
            total += classes[queue.lanes[lane].classIndex].microseconds ?? 0
            if total > most { return false }
        }
        workers[index].littleWaitsUntil = end
        return true
    }

    /// What idle workers can run.
    private var idleShapes: Set<Int> {
        var shapes: Set<Int> = []
        for index in open where workers[index].freeSlots > 0 { shapes.formUnion(workers[index].shapes) }
        return shapes
    }

    private func shape(of attempt: Attempt) -> Int? { tasks[attempt.task].map { queue.lanes[$0.lane].key.shape } }

    /// Attempts that the worker cannot have begun by its slots.
    func waitingLeases(_ index: Int) -> [Attempt] {
        var ahead: UInt32 = 0
        var waiting: [Attempt] = []
        for (attempt, lease) in workers[index].leasesInOrder() {
            let fits = ahead + lease.heldSlots <= workers[index].slots
            ahead += lease.heldSlots
            guard !fits, !lease.hasStarted, !lease.isAhead, lease.phase == .held else { continue }
            waiting.append(attempt)
        }
        return waiting
    }

    private func expectedWait(_ attempts: [Attempt], slots: UInt32) -> UInt64 {
        let total = attempts.reduce(into: UInt64(0)) { sum, attempt in
            guard let lane = tasks[attempt.task]?.lane else { return }
            sum += classes[queue.lanes[lane].classIndex].microseconds ?? 0
        }
        return total / UInt64(slots)
    }

    private mutating func recall(_ attempts: [Attempt], from index: Int) {
        for attempt in attempts {
            workers[index].leases[attempt]?.phase = .recalled
            addCancel(attempt, to: index)
            counters.recalled += 1
        }
    }
}
