import AnabranchCore

// Workers that come, tell of themselves, fall silent, drain and go.
extension Scheduler {
    mutating func workerJoined(_ offer: WorkerOffer, at now: Instant) {
        if let index = workerIndex[offer.worker] {
            // A hello that was said again.
            workers[index].slots = max(offer.slots, 1)
            workers[index].coresPerSlot = max(offer.coresPerSlot, 1)
            workers[index].executors = offer.executors
            workers[index].store = offer.store
            workers[index].hasNothingToRecall = false
            updateOvercommitted(index)
            heard(index, at: now)
            updateOpen(index)
        } else {
            let index = workers.insert(WorkerState(offer, at: now))
            workerIndex[offer.worker] = index
            extendLapseDeadline(now)
            updateOpen(index)
        }
        refreshShapes()
    }

    /// Any message of a worker proves that it lives.
    mutating func heard(_ index: Int, at now: Instant) {
        workers[index].heardAt = now
        switch workers[index].standing {
        case .active, .draining, .released: return
        case .silent: workers[index].standing = .active
        case .drainingSilent: workers[index].standing = .draining
        }
        extendLapseDeadline(now)
        updateOpen(index)
        refreshShapes()
    }

    mutating func workerDrainRequested(_ worker: WorkerID) {
        guard let index = workerIndex[worker] else { return }
        switch workers[index].standing {
        case .draining, .drainingSilent, .released: return
        case .active: workers[index].standing = .draining
        case .silent: workers[index].standing = .drainingSilent
        }
        draining.append(index)
        unreserve(index)
        updateOpen(index)
        refreshShapes()
    }

    mutating func releaseDrained(effects: inout [SchedulerEffect]) {
        if draining.isEmpty { return }
        draining.removeAll { index in
            guard workers[index].standing == .draining, workers[index].leases.isEmpty else { return false }
            workers[index].standing = .released
            effects.append(.releaseWorker(workers[index].id))
            return true
        }
    }

    mutating func workerLost(_ worker: WorkerID, effects: inout [SchedulerEffect]) {
        guard let index = workerIndex[worker] else { return }
        unreserve(index)
        for (attempt, lease, mayHaveBegun) in leasesByProgress(index).reversed() {
            removeLease(attempt, from: index)
            if lease.phase.isCurrent {
                loseAttempt(of: attempt.task, to: .worker, counts: mayHaveBegun, effects: &effects)
            } else if lease.phase == .lapsed {
                tasks[attempt.task]?.stragglers.removeAll { $0.worker == worker && $0.number == attempt.number }
            }
        }
        workers[index].standing = .released
        updateOpen(index)
        draining.removeAll { $0 == index }
        touched.removeAll { $0 == index }
        workers.remove(at: index)
        workerIndex[worker] = nil
        // What was to go to it by events that came together with this one. (Everything else is gathered until all are in.)
        effects.removeAll { effect in
            if case .sendAhead(worker, _, _) = effect { true } else { false }
        }
        refreshShapes()
    }

    /// Workers that were not heard for a lease fall silent: what they have goes elsewhere, and counts if they come back
    /// with it first.
    ///
    /// When it is we who were away (stopped, or busy with something else), their heartbeats may stand in line behind this
    /// tick, or they were stopped with us: they get a little time to be heard.
    mutating func lapseLeases(at now: Instant, effects: inout [SchedulerEffect]) {
        resumeDeclining(at: now)
        let lease = configuration.leaseMicroseconds
        if let handledAt, now.since(handledAt) >= lease / 2, lapseDeadline != nil {
            lapseDeadline = now.advanced(by: min(2 * configuration.heartbeatMicroseconds, lease / 4) + 1)
            return
        }
        var next: Instant?
        var changed = false
        for index in workers.indices where workers[index].standing.isHeard {
            let deadline = workers[index].heardAt.advanced(by: lease)
            if deadline > now {
                next = min(next ?? deadline, deadline)
                continue
            }
            changed = true
            workers[index].standing = workers[index].standing == .draining ? .drainingSilent : .silent
            unreserve(index)
            updateOpen(index)
            effects.append(.workerSilent(workers[index].id))
            for (attempt, lease, mayHaveBegun) in leasesByProgress(index).reversed() where lease.phase.isCurrent {
                if lease.isAhead {
                    withdrawAhead(attempt.task)
                    continue
                }
                workers[index].leases[attempt]?.phase = .lapsed
                let placement = Placement(worker: workers[index].id, number: attempt.number)
                tasks[attempt.task]?.stragglers.append(placement)
                loseAttempt(of: attempt.task, to: .silence, counts: mayHaveBegun, effects: &effects)
            }
        }
        lapseDeadline = next
        if changed { refreshShapes() }
    }

    func extendedDeadline(_ current: Instant?, _ deadline: Instant) -> Instant { min(current ?? deadline, deadline) }

    private mutating func extendLapseDeadline(_ now: Instant) {
        lapseDeadline = extendedDeadline(lapseDeadline, now.advanced(by: configuration.leaseMicroseconds))
    }

    /// A worker that gives work back unasked (it was told to leave, and we were not told yet) would be sent the same
    /// work again and again.
    mutating func decline(_ index: Int, at now: Instant) {
        let until = now.advanced(by: configuration.heartbeatMicroseconds)
        workers[index].declinesUntil = until
        declineDeadline = extendedDeadline(declineDeadline, until)
        updateOpen(index)
    }

    private mutating func resumeDeclining(at now: Instant) {
        guard let deadline = declineDeadline, deadline <= now else { return }
        declineDeadline = nil
        for index in workers.indices {
            guard let until = workers[index].declinesUntil else { continue }
            if until <= now {
                workers[index].declinesUntil = nil
                updateOpen(index)
            } else {
                declineDeadline = extendedDeadline(declineDeadline, until)
            }
        }
    }

    /// The worker's leases in its queue's order, with whether it may have begun them. What it certainly had not begun
    /// was lost by no fault of its own, and costs the task none of its attempts. (Callers go backwards: each goes to the
    /// front of its lane.)
    private func leasesByProgress(_ index: Int) -> [(attempt: Attempt, lease: Lease, mayHaveBegun: Bool)] {
        var ahead: UInt32 = 0
        return workers[index].leasesInOrder().map { attempt, lease in
            let mayHaveBegun = lease.hasStarted || ahead < workers[index].slots
            ahead += lease.heldSlots
            return (attempt, lease, mayHaveBegun)
        }
    }
}
