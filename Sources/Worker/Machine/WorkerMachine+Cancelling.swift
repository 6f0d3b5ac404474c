import AnabranchCore

extension WorkerMachine {
    mutating func cancel(_ attempts: [Attempt], effects: inout [WorkerEffect]) {
        for attempt in attempts {
            if queue.remove(attempt) != nil {
                suspects.remove(attempt)
                effects.append(.report([cancelled(attempt, "cancelled before it ran")]))
                continue
            }
            for i in slots.indices {
                guard let place = slots[i].python.firstIndex(where: { $0.task.attempt == attempt && !$0.isWithdrawn })
                else { continue }
                if place == slots[i].runningPlace ?? 0 {
                    kill(i, because: .cancelled, effects: &effects)
                } else {
                    slots[i].python[place].isWithdrawn = true
                    effects.append(.withdraw(SlotIndex(i), [attempt]))
                    effects.append(.report([cancelled(attempt, "cancelled before it ran")]))
                }
            }
        }
    }

    /// Gives back all but what runs.
    mutating func drain(effects: inout [WorkerEffect]) {
        isDraining = true
        var returned = queue.removeAll().map(\.attempt)
        suspects.subtract(returned)
        for i in slots.indices {
            let running = slots[i].runningPlace ?? 0
            let behind = slots[i].python.indices.filter { $0 > running && !slots[i].python[$0].isWithdrawn }
            guard !behind.isEmpty else { continue }
            for place in behind { slots[i].python[place].isWithdrawn = true }
            let attempts = behind.map { slots[i].python[$0].task.attempt }
            effects.append(.withdraw(SlotIndex(i), attempts))
            returned += attempts
        }
        if !returned.isEmpty { effects.append(.report(returned.map { cancelled($0, "the worker is leaving") })) }
    }

    /// Kills the slot's runtime because of the task that it runs.
    mutating func kill(_ i: Int, because kind: FailureKind, effects: inout [WorkerEffect]) {
        guard slots[i].runtime == .ready, let place = slots[i].runningPlace ?? slots[i].python.indices.first
        else { return }
        slots[i].runtime = .dying(kind, slots[i].python[place].task.attempt)
        effects.append(.killRuntime(SlotIndex(i)))
    }

    mutating func enforceDeadlines(at now: Moment, effects: inout [WorkerEffect]) {
        for i in slots.indices {
            switch slots[i].runtime {
            case .starting(let since) where now.microseconds(since: since) >= Self.startLimitMicroseconds:
                slots[i].runtime = .unresponsive
                effects.append(.killRuntime(SlotIndex(i)))
            case .ready:
                guard let timeout = slots[i].python.first?.task.limits.timeoutMicroseconds,
                    now.microseconds(since: slots[i].runningSince) >= timeout
                else { continue }
                kill(i, because: .timeout, effects: &effects)
            default: continue
            }
        }
    }

    func cancelled(_ attempt: Attempt, _ message: String) -> TaskResult {
        TaskResult(attempt: attempt, outcome: .failure(Failure(kind: .cancelled, message: message, host: host)))
    }
}
