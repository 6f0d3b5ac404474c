import AnabranchCore

// Attempts that did not end their tasks: for the timeline of who asks where the time went.
extension Engine {
    /// Keeps those of the failed attempts after which the task goes on. One that had not begun is no attempt to speak of.
    mutating func keepEarlier(_ failed: [Attempt]) {
        for attempt in failed {
            guard tasks[attempt.task] != nil, let arrival = arrivals[attempt],
                case .failure(let failure) = arrival.outcome,
                failure.kind != .cancelled || arrival.usage.startedMicroseconds > 0
            else { continue }
            keep(EarlierAttempt(number: attempt.number, kind: failure.kind, usage: arrival.usage), of: attempt.task)
        }
    }

    /// `attempt` is about to be sent. When the one before it was never answered, its worker was lost.
    mutating func keepLost(before attempt: Attempt, at now: Instant) {
        guard attempt.number > 1 else { return }
        let lost = Attempt(task: attempt.task, number: attempt.number - 1)
        for worker in workers.values {
            guard let lent = worker.lent[lost] else { continue }
            keepLost(lost, of: worker.id, lent, at: now)
        }
    }

    /// The attempt will not be answered any more. Known of one that was followed by another before its worker was forgotten.
    mutating func keepLost(_ attempt: Attempt, of worker: WorkerID, _ lent: LentAttempt, at now: Instant) {
        var usage = Usage()
        usage.dispatchedMicroseconds = lent.sent.microseconds
        usage.arrivedMicroseconds = now.microseconds
        usage.worker = worker
        keep(EarlierAttempt(number: attempt.number, kind: .workerLost, usage: usage), of: attempt.task)
    }

    private mutating func keep(_ earlier: EarlierAttempt, of task: TaskID) {
        switch tasks[task] {
        case .firing(let run, let entry):
            runs[run]?.earlier[entry, default: []].keep(earlier)
        case .call(let run, let call):
            sessions[run]?.earlier[call, default: []].keep(earlier)
        case .remake, nil: break
        }
    }
}

extension [EarlierAttempt] {
    /// Each once. Its number alone does not tell it: what runs again as a new task counts from 1 again.
    fileprivate mutating func keep(_ earlier: EarlierAttempt) {
        let isKnown = contains {
            $0.number == earlier.number && $0.usage.worker == earlier.usage.worker
                && $0.usage.dispatchedMicroseconds == earlier.usage.dispatchedMicroseconds
        }
        if !isKnown { append(earlier) }
    }
}
