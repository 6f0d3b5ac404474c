import AnabranchCore

extension WorkerMachine {
    mutating func exited(
        _ index: SlotIndex, _ exit: RuntimeExit, at now: Moment, effects: inout [WorkerEffect]
    ) {
        let i = index.rawValue
        let before = slots[i].runtime
        slots[i].runtime = .absent
        switch before {
        case .absent, .forgotten: return
        case .starting, .unresponsive:
            startFailed(index, whyNotReady(before, exit), tail: exit.outputTail, at: now, effects: &effects)
        case .dying(let kind, let attempt):
            // It may have answered while the kill was on its way; then what came next is not to blame.
            if let place = slots[i].python.firstIndex(where: { $0.task.attempt == attempt }) {
                let cause = slots[i].python.remove(at: place)
                suspects.remove(attempt)
                if cause.withdrawal != .settled {
                    effects.append(.report([killed(cause.task, because: kind, exit, slot: index, at: now)]))
                }
            }
            requeue(i, effects: &effects)
        case .ready:
            if let place = slots[i].runningPlace, mayBeToBlame(place, slots[i], exit) {
                let victim = slots[i].python.remove(at: place)
                suspects.remove(victim.task.attempt)
                if victim.withdrawal != .settled {
                    effects.append(.report([died(victim.task, exit, slot: index, at: now)]))
                }
            } else {
                // A runtime may keep answers back while tasks are short: the first unanswered one may be done.
                suspects.formUnion(slots[i].python.filter { $0.withdrawal == nil }.map(\.task.attempt))
            }
            requeue(i, effects: &effects)
        }
    }

    /// False where one that is done and unanswered may be the one, and for a task that the runtime had not announced: it
    /// was never begun, whatever ended the runtime before. Where that happens to the same one again, it is the one to tell
    /// of it.
    private func mayBeToBlame(_ place: Int, _ slot: WorkerSlot, _ exit: RuntimeExit) -> Bool {
        if exit.wroteGarbage && slot.python.count > 1 { return false }
        let attempt = slot.python[place].task.attempt
        return slot.begun == attempt.task || suspects.contains(attempt)
    }

    /// The task under which the runtime died by itself.
    private func died(
        _ task: TaskAssignment, _ exit: RuntimeExit, slot: SlotIndex, at now: Moment
    ) -> TaskResult {
        let message =
            if exit.lostItsSocket {
                "the Python runtime's socket to the worker was closed or written to under this task, and the runtime was "
                    + "killed; code in a task must leave descriptors alone that it did not open"
            } else if let signal = exit.signal {
                "the Python runtime was killed by signal \(signal) (\(SignalName.of(signal))) under this task"
            } else {
                "the Python runtime ended with status \(exit.status) under this task"
            }
        return failed(task, .killed, message, exit, slot, at: now)
    }

    /// The task because of which this worker killed the runtime.
    private func killed(
        _ task: TaskAssignment, because kind: FailureKind, _ exit: RuntimeExit, slot: SlotIndex, at now: Moment
    ) -> TaskResult {
        let limit = task.limits.timeoutMilliseconds ?? 0
        let message =
            switch kind {
            case .timeout: "still running after its limit of \(limit) ms (timeout=); its runtime was killed"
            case .invalid:
                "it began to wait for tasks that it submitted while \(mostWaiting) others of this worker do, which is the "
                    + "limit (--most-waiting), for each keeps a process; submit fewer levels, or raise it"
            default: "cancelled while it ran"
            }
        return failed(task, kind, message, exit, slot, at: now)
    }

    private func failed(
        _ task: TaskAssignment, _ kind: FailureKind, _ message: String, _ exit: RuntimeExit, _ slot: SlotIndex,
        at now: Moment
    ) -> TaskResult {
        var usage = Usage()
        usage.startedMicroseconds = slots[slot.rawValue].runningSince.microseconds
        usage.computeMicroseconds = now.microseconds(since: slots[slot.rawValue].runningSince)
        usage.peakMemoryBytes = exit.peakMemoryBytes
        usage.slot = UInt32(slot.rawValue)
        return TaskResult(
            attempt: task.attempt,
            outcome: .failure(
                Failure(
                    kind: kind, message: message, outputTail: exit.outputTail, host: host,
                    slot: UInt32(slot.rawValue), peakMemoryBytes: exit.peakMemoryBytes)),
            usage: usage)
    }

    private func whyNotReady(_ runtime: WorkerSlot.Runtime, _ exit: RuntimeExit) -> String {
        if runtime == .unresponsive {
            return "the Python runtime (\(runtimeName)) did not say hello within "
                + "\(Double(startLimitMicroseconds) / 1_000_000) s, the limit for its start (--start-timeout): its imports take "
                + "longer, or it hangs"
        }
        return "the Python runtime (\(runtimeName)) ended with \(exit.cause) before it was ready; is the package "
            + "anabranch installed for this interpreter?"
    }

    /// A task is not tried for ever on an interpreter that does not start: when no slot has a runtime, the waiting Python
    /// tasks fail, by name of the cause.
    mutating func startFailed(
        _ index: SlotIndex, _ reason: String, tail: String, at now: Moment, effects: inout [WorkerEffect]
    ) {
        let i = index.rawValue
        slots[i].failedStarts += 1
        slots[i].restartNotBefore = now.advanced(
            byMicroseconds: Self.startPauseMicroseconds * UInt64(min(slots[i].failedStarts, 20)))
        guard slots[i].failedStarts >= Self.startAttempts, slots.allSatisfy({ $0.runtime == .absent }) else { return }
        slots[i].failedStarts = 0
        slots[i].restartNotBefore = now
        let doomed = queue.removePython()
        suspects.subtract(doomed.map(\.attempt))
        effects.append(
            .report(
                doomed.map { task in
                    TaskResult(
                        attempt: task.attempt,
                        outcome: .failure(
                            Failure(kind: .killed, message: reason, outputTail: tail, host: host, slot: UInt32(i))))
                }))
    }

    /// What the slot's runtime had and did not answer goes back to the front of the queue, in order, or where it was
    /// withdrawn for.
    private mutating func requeue(_ i: Int, effects: inout [WorkerEffect]) {
        var reported: [TaskResult] = []
        var waiting: [TaskAssignment] = []
        for committed in slots[i].python {
            switch committed.withdrawal {
            case nil, .moving: waiting.append(committed.task)
            case .some(let withdrawal) where withdrawal != .settled:
                suspects.remove(committed.task.attempt)
                reported.append(givenBack(committed.task.attempt, withdrawal))
            default: break
            }
        }
        slots[i].python.removeAll()
        putBack(waiting, effects: &effects)
        if !reported.isEmpty { effects.append(.report(reported)) }
    }

    /// Nothing that was here matters any more, not even to its own answers: the next epoch counts its tasks from 1 again.
    mutating func forgetAll(effects: inout [WorkerEffect]) {
        _ = queue.removeAll()
        heldBack = HeldBackTasks()
        suspects.removeAll()
        for i in slots.indices {
            slots[i].nativeIsForgotten = !slots[i].native.isEmpty
            if slots[i].python.isEmpty { continue }
            slots[i].python.removeAll()
            if slots[i].runtime == .ready { effects.append(.killRuntime(SlotIndex(i))) }
            slots[i].runtime = .forgotten
        }
    }
}
