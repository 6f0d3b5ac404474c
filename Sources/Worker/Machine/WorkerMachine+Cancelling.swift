import AnabranchCore

extension WorkerMachine {
    mutating func cancel(_ attempts: [Attempt], effects: inout [WorkerEffect]) {
        for attempt in attempts {
            if queue.remove(attempt) != nil || heldBack.remove(attempt) {
                suspects.remove(attempt)
                effects.append(.report([cancelled(attempt, "cancelled before it ran")]))
                continue
            }
            for i in slots.indices {
                guard
                    let place = slots[i].python.firstIndex(where: {
                        $0.task.attempt == attempt && $0.withdrawal != .settled
                    })
                else { continue }
                if place == slots[i].runningPlace ?? 0 {
                    kill(i, because: .cancelled, effects: &effects)
                } else {
                    withdraw(i, [place], .cancelling, effects: &effects)
                }
            }
        }
    }

    /// Gives back all but what runs.
    mutating func drain(effects: inout [WorkerEffect]) {
        isDraining = true
        let returned = queue.removeAll().map(\.attempt) + heldBack.removeAll()
        suspects.subtract(returned)
        if !returned.isEmpty { effects.append(.report(returned.map { givenBack($0, .returning) })) }
        for i in slots.indices {
            let running = slots[i].runningPlace ?? 0
            withdraw(i, slots[i].python.indices.filter { $0 > running }, .returning, effects: &effects)
        }
    }

    /// Asks the runtime to give back what it has not begun of these. A cancel overrules what was asked before, and nothing
    /// is asked twice.
    mutating func withdraw(
        _ i: Int, _ places: [Int], _ withdrawal: Committed.Withdrawal, effects: inout [WorkerEffect]
    ) {
        var asked: [Attempt] = []
        for place in places {
            switch slots[i].python[place].withdrawal {
            case nil: asked.append(slots[i].python[place].task.attempt)
            case .moving: break
            case .returning where withdrawal == .cancelling: break
            case .returning, .cancelling, .settled: continue
            }
            slots[i].python[place].withdrawal = withdrawal
        }
        if !asked.isEmpty { effects.append(.withdraw(SlotIndex(i), asked)) }
    }

    /// The runtime has heard of all that was withdrawn from it. What stands behind the task that it had begun by then it
    /// will not begin; whether it has done what stands before, its answers will tell.
    mutating func withdrew(_ index: SlotIndex, begun: TaskID?, at now: Moment, effects: inout [WorkerEffect]) {
        let i = index.rawValue
        guard slots[i].runtime == .ready, let begun else { return }
        slots[i].began(begun, at: now)
        // The last one of its number: the attempt before it may still be on its way back.
        let running = slots[i].python.lastIndex { $0.task.attempt.task == begun }
        if let running, slots[i].python[running].withdrawal == .cancelling {
            kill(i, because: .cancelled, effects: &effects)
        }
        var moved: [TaskAssignment] = []
        var reported: [TaskResult] = []
        for place in slots[i].python.indices where place > running ?? -1 {
            let task = slots[i].python[place].task
            switch slots[i].python[place].withdrawal {
            case .moving: moved.append(task)
            case .some(let withdrawal) where withdrawal != .settled:
                suspects.remove(task.attempt)
                reported.append(givenBack(task.attempt, withdrawal))
            default: continue
            }
            slots[i].python[place].withdrawal = .settled
        }
        putBack(moved, effects: &effects)
        if !moved.isEmpty { assign(onlyIdle: true, at: now, effects: &effects) }
        if !reported.isEmpty { effects.append(.report(reported)) }
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
            case .starting(let since) where now.microseconds(since: since) >= startLimitMicroseconds:
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

    /// What is said of a task that did not run.
    func givenBack(_ attempt: Attempt, _ withdrawal: Committed.Withdrawal) -> TaskResult {
        cancelled(attempt, withdrawal == .cancelling ? "cancelled before it ran" : "given back before it ran")
    }

    func cancelled(_ attempt: Attempt, _ message: String) -> TaskResult {
        TaskResult(attempt: attempt, outcome: .failure(Failure(kind: .cancelled, message: message, host: host)))
    }
}
