import AnabranchCore

// What waits behind a slow task is taken back when another worker is idle.
extension Scheduler {
    /// Looks only when a worker is idle for want of ready tasks while another has more than its slots hold.
    mutating func rebalance(at now: Instant) {
        rebalanceDeadline = nil
        if overcommitted == 0 { return }
        let idle = open.filter { workers[$0].freeSlots > 0 }
        if idle.isEmpty { return }
        let patience = configuration.prefetchMicroseconds
        var executors: Set<String> = []
        for index in idle { executors.formUnion(workers[index].executors) }
        for index in workers.indices
        where workers[index].standing == .active && workers[index].usedSlots > workers[index].slots {
            let waiting = waitingLeases(index, executors)
            if waiting.isEmpty { continue }
            let isStalled = now.since(workers[index].progressAt) >= patience
            if isStalled || workers[index].longSlots >= workers[index].slots {
                recall(waiting, from: index)
            } else if expectedWait(waiting, slots: workers[index].slots) > 2 * patience {
                // It goes on working; what the idle ones can start on is half at the most.
                recall(Array(waiting.suffix(waiting.count / 2)), from: index)
            } else {
                let deadline = workers[index].progressAt.advanced(by: patience)
                rebalanceDeadline = extendedDeadline(rebalanceDeadline, deadline)
            }
        }
    }

    /// Attempts that the worker cannot have begun by its slots, as far as another worker could run them.
    private func waitingLeases(_ index: Int, _ executors: Set<String>) -> [Attempt] {
        var ahead: UInt32 = 0
        var waiting: [Attempt] = []
        for (attempt, lease) in workers[index].leasesInOrder() {
            let fits = ahead + lease.heldSlots <= workers[index].slots
            ahead += lease.heldSlots
            guard !fits, !lease.hasStarted, !lease.isAhead, lease.phase == .held, let lane = tasks[attempt.task]?.lane,
                executors.contains(queue.shapes[queue.lanes[lane].key.shape].shape.executor)
            else { continue }
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
