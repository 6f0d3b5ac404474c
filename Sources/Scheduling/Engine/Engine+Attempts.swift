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
            if let origin = tasks[attempt.task] { noteRetried(attempt, of: origin, arrival, failure) }
            keep(EarlierAttempt(number: attempt.number, kind: failure.kind, usage: arrival.usage), of: attempt.task)
        }
    }

    /// Keeps one that ended its task though what that was for goes on, as another task: bytes are made again first, or room.
    /// One that no worker was sent is no attempt to speak of.
    mutating func keepEnded(_ arrival: Arrival?, _ failure: Failure, of origin: TaskOrigin) {
        guard let arrival, arrival.usage.dispatchedMicroseconds > 0, taskIsWanted(origin) else { return }
        keep(EarlierAttempt(number: arrival.attempt, kind: failure.kind, usage: arrival.usage), of: origin)
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
        if let origin = tasks[task] { keep(earlier, of: origin) }
    }

    private mutating func keep(_ earlier: EarlierAttempt, of origin: TaskOrigin) {
        switch origin {
        case .firing(let run, let entry):
            runs[run]?.earlier[entry, default: []].keep(earlier)
        case .call(let run, let call):
            sessions[run]?.earlier[call, default: []].keep(earlier)
        case .remake: break
        }
    }
}

extension [EarlierAttempt] {
    /// Each once. Its number alone does not tell it: what runs again as a new task counts from 1 again.
    fileprivate mutating func keep(_ earlier: EarlierAttempt) {
        if !contains(where: { $0.isSame(as: earlier.number, earlier.usage) }) { append(earlier) }
    }

    /// As they are told when what they were for has ended: numbered through, and without the attempt that ended it. That
    /// one may have been given up before its answer came.
    func told(before last: Arrival?) -> [EarlierAttempt] {
        var told = self
        if let last { told.removeAll { $0.isSame(as: last.attempt, last.usage) } }
        for index in told.indices { told[index].number = UInt32(index + 1) }
        return told
    }

    /// How many there were with the one that ended what they were for. A cancel that nobody answered is none.
    func count(with last: Arrival?, _ failure: Failure? = nil) -> UInt32 {
        UInt32(count) + (last == nil && failure?.kind == .cancelled ? 0 : 1)
    }
}

extension EarlierAttempt {
    fileprivate func isSame(as number: UInt32, _ usage: Usage) -> Bool {
        self.number == number && self.usage.worker == usage.worker
            && self.usage.dispatchedMicroseconds == usage.dispatchedMicroseconds
    }
}
