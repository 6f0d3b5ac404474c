import AnabranchCore

// What a worker says it has, held against what it was given.
extension Scheduler {
    mutating func heartbeat(
        of worker: WorkerID, listing running: [Attempt], at now: Instant, effects: inout [SchedulerEffect]
    ) {
        guard let index = workerIndex[worker] else {
            counters.unknownWorker += 1
            return
        }
        heard(index, at: now)
        if workers[index].declinesUntil != nil {
            workers[index].declinesUntil = nil
            updateOpen(index)
        }
        workers[index].heartbeats += 1
        let heartbeat = workers[index].heartbeats
        for attempt in running {
            if workers[index].leases[attempt] == nil {
                recognize(attempt, on: index, at: now)
            } else if workers[index].leases[attempt]?.phase == .recalled {
                // The recall was lost, or is still on its way: either way the attempt may be recalled again.
                workers[index].leases[attempt]?.phase = .held
                workers[index].hasNothingToRecall = false
            }
            guard let lease = workers[index].leases[attempt] else { continue }
            workers[index].leases[attempt]?.listedBy = heartbeat
            if lease.phase == .lapsed {
                adopt(attempt, on: index)
            } else if lease.phase == .cancelling {
                addCancel(attempt, to: index)
            }
        }
        dropUnlisted(on: index, heartbeat: heartbeat, at: now, effects: &effects)
    }

    /// The worker has an attempt that is not among its leases: the worker, or the attempt, had been given up.
    private mutating func recognize(_ attempt: Attempt, on index: Int, at now: Instant) {
        let worker = workers[index].id
        guard let task = tasks[attempt.task], task.admits(attempt.number, from: worker),
            workers[index].standing != .released
        else {
            addCancel(attempt, to: index)
            return
        }
        let lease = Lease(
            phase: .lapsed, sequence: takeSequence(), dispatchedAt: now,
            slots: width(of: task, on: index), expected: nil)
        addLease(lease, for: attempt, to: index)
        tasks[attempt.task]?.stragglers.append(Placement(worker: worker, number: attempt.number))
    }

    /// A task that waits to be sent again while a worker still has it need not be sent.
    private mutating func adopt(_ attempt: Attempt, on index: Int) {
        guard let task = tasks[attempt.task] else { return }
        let worker = workers[index].id
        switch task.stage {
        case .running, .ahead, .lost: return
        case .reserved(let holder): clearReservation(of: attempt.task, on: holder)
        case .queued(let ticket): queue.withdraw(lane: task.lane, ticket: ticket)
        }
        counters.adopted += 1
        workers[index].leases[attempt]?.phase = .held
        workers[index].hasNothingToRecall = false
        tasks[attempt.task]?.stage = .running(worker, number: attempt.number)
        tasks[attempt.task]?.stragglers.removeAll { $0.worker == worker && $0.number == attempt.number }
    }

    /// What was sent long ago and is not listed was lost on the way, or its result was.
    private mutating func dropUnlisted(
        on index: Int, heartbeat: UInt64, at now: Instant, effects: inout [SchedulerEffect]
    ) {
        let worker = workers[index].id
        let missing = workers[index].leases.filter { _, lease in
            lease.listedBy != heartbeat && now.since(lease.dispatchedAt) >= configuration.leaseMicroseconds
        }
        for (attempt, lease) in missing.sorted(by: { $0.value.sequence < $1.value.sequence }) {
            removeLease(attempt, from: index)
            if lease.phase.isCurrent {
                loseAttempt(of: attempt.task, to: .message, counts: true, effects: &effects)
            } else if lease.phase == .lapsed {
                tasks[attempt.task]?.stragglers.removeAll { $0.worker == worker && $0.number == attempt.number }
            }
        }
        // Not yet given up, and nothing speaks against its arriving: no need to send it again.
        let late = workers[index].leases.filter { $0.value.phase == .lapsed && $0.value.listedBy != heartbeat }
        for (attempt, _) in late.sorted(by: { $0.value.sequence < $1.value.sequence }) { adopt(attempt, on: index) }
    }
}
