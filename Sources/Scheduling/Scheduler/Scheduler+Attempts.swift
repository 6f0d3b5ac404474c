import AnabranchCore

// What becomes of attempts, and of their tasks.
extension Scheduler {
    mutating func attemptStarted(_ attempt: Attempt, on worker: WorkerID, at now: Instant) {
        guard let index = workerIndex[worker] else {
            counters.unknownWorker += 1
            return
        }
        heard(index, at: now)
        workers[index].progressAt = now
        workers[index].leases[attempt]?.start()
    }

    /// A result counts even from a worker that was given up: its last results may still have been on their way.
    mutating func attemptEnded(
        _ attempt: Attempt, on worker: WorkerID, _ end: AttemptEnd, _ microseconds: UInt64, at now: Instant,
        effects: inout [SchedulerEffect]
    ) {
        var lease: Lease?
        let index = workerIndex[worker]
        if let index {
            heard(index, at: now)
            if end != .returned { workers[index].progressAt = now }
            lease = removeLease(attempt, from: index)
        } else {
            counters.unknownWorker += 1
        }
        guard let task = tasks[attempt.task], task.admits(attempt.number, from: worker) else {
            drop(attempt, of: worker, end, effects: &effects)
            return
        }
        if case .ahead = task.stage {
            withdrawAhead(attempt.task)
            return drop(attempt, of: worker, end, effects: &effects)
        }
        switch end {
        case .succeeded, .failed:
            // Refused before it ran, a task says nothing of how long its like take.
            if end == .succeeded || microseconds > 0 { measure(task, microseconds) }
            let next = end == .succeeded ? takeFromChain(attempt, on: worker) : nil
            finish(attempt.task, except: attempt.number)
            effects.append(
                end == .succeeded
                    ? .complete(attempt.task, attempt: attempt.number) : .fail(attempt.task, attempt: attempt.number))
            if let next { admit(next, on: worker, effects: &effects) }
        case .killedRuntime:
            guard task.stage == .running(worker, number: attempt.number) else {
                forgetStraggler(attempt)
                drop(attempt, of: worker, end, effects: &effects)
                return
            }
            if task.kills < task.retries {
                tasks[attempt.task]?.kills += 1
                requeue(attempt.task)
            } else {
                finish(attempt.task, except: attempt.number)
                effects.append(.fail(attempt.task, attempt: attempt.number))
            }
        case .returned:
            guard task.stage == .running(worker, number: attempt.number) else {
                forgetStraggler(attempt)
                return
            }
            if let index, let lease, lease.phase == .held, !lease.wasAhead { decline(index, at: now) }
            requeue(attempt.task)
        case .lost:
            guard task.stage == .running(worker, number: attempt.number) else {
                forgetStraggler(attempt)
                drop(attempt, of: worker, end, effects: &effects)
                return
            }
            loseAttempt(of: attempt.task, to: .result, counts: true, effects: &effects)
        }
    }

    private mutating func drop(
        _ attempt: Attempt, of worker: WorkerID, _ end: AttemptEnd, effects: inout [SchedulerEffect]
    ) {
        if end == .returned { return }
        counters.dropped += 1
        effects.append(.dropped(worker, attempt))
    }

    private mutating func forgetStraggler(_ attempt: Attempt) {
        tasks[attempt.task]?.stragglers.removeAll { $0.number == attempt.number }
    }

    private mutating func measure(_ task: TaskState, _ microseconds: UInt64) {
        let lane = queue.lanes[task.lane]
        classes[lane.classIndex].record(microseconds)
        runs[lane.key.run].estimate.record(microseconds)
    }

    /// Takes the current attempt from its task: the worker, or the message, was lost. `counts`: against `maxAttempts`.
    mutating func loseAttempt(
        of id: TaskID, to cause: AttemptLoss.Cause, counts: Bool, effects: inout [SchedulerEffect]
    ) {
        guard var task = tasks[id] else { return }
        if case .ahead = task.stage { return withdrawAhead(id) }
        counters.lost += 1
        var loss: AttemptLoss?
        if case .running(let worker, let number) = task.stage {
            if counts, !task.lostNumbers.contains(number) { task.lostNumbers.append(number) }
            loss = AttemptLoss(
                attempt: Attempt(task: id, number: number), worker: worker, cause: cause, mayHaveBegun: counts,
                isRetried: task.lostNumbers.count < max(task.maxAttempts, 1))
        }
        if let loss { losses.append(loss) }
        task.stage = .lost
        tasks[id] = task
        if task.lostNumbers.count < max(task.maxAttempts, 1) {
            requeue(id)
            return
        }
        // The lost attempt has no lease, or stands among the stragglers already: it is not to be cancelled twice.
        finish(id)
        effects.append(.failLost(id, attempts: UInt32(task.lostNumbers.count)))
    }

    /// Puts a task whose attempt has gone back to the front of its lane.
    mutating func requeue(_ id: TaskID) {
        guard let lane = tasks[id]?.lane else { return }
        withdrawFollowers(of: id)
        let ticket = queue.enqueue(id, lane: lane, atFront: true, classes: classes)
        tasks.update(id) { $0.stage = .queued(ticket: ticket) }
    }

    /// Forgets a task whose effect has counted and cancels its attempts, but for the one that ended it.
    mutating func finish(_ id: TaskID, except ended: UInt32? = nil) {
        leaveChain(id)
        guard let task = tasks.removeValue(forKey: id) else { return }
        switch task.stage {
        case .queued(let ticket): queue.withdraw(lane: task.lane, ticket: ticket)
        case .reserved(let worker): clearReservation(of: id, on: worker)
        case .running(let worker, let number):
            if number != ended { cancelAttempt(number, of: id, on: worker) }
        case .ahead(let worker): if ended != 1 { cancelAttempt(1, of: id, on: worker) }
        case .lost: break
        }
        for straggler in task.stragglers where straggler.number != ended {
            cancelAttempt(straggler.number, of: id, on: straggler.worker)
        }
        counters.ended += 1
        let run = queue.lanes[task.lane].key.run
        runs[run].live -= 1
        wakeSupply(run)
    }

    /// Slots that the task takes of this worker.
    func width(of task: TaskState, on index: Int) -> UInt32 {
        let shape = queue.shapes[queue.lanes[task.lane].key.shape]
        return min(shape.width(coresPerSlot: workers[index].coresPerSlot), workers[index].slots)
    }

    mutating func takeSequence() -> UInt64 {
        defer { nextSequence += 1 }
        return nextSequence
    }
}
