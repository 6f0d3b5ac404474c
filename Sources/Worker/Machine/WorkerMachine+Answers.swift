import AnabranchCore

extension WorkerMachine {
    mutating func answered(
        _ index: SlotIndex, _ results: [TaskResult], at now: Moment, effects: inout [WorkerEffect]
    ) {
        var reported: [TaskResult] = []
        for result in results {
            let i = index.rawValue
            // Runtimes answer in order; a withdrawn task that was given back is answered like any other.
            guard let place = slots[i].python.firstIndex(where: { $0.task.attempt == result.attempt }) else { continue }
            let committed = slots[i].python.remove(at: place)
            suspects.remove(result.attempt)
            slots[i].ended(result.attempt.task, at: now)
            if committed.isWithdrawn {
                if case .success = result.outcome, withdrawElsewhere(result.attempt, except: index, effects: &effects) {
                    reported.append(result)
                }
                continue
            }
            slots[i].measured(result.usage.computeMicroseconds)
            reported.append(result)
        }
        if !reported.isEmpty { effects.append(.report(reported)) }
    }

    /// A withdrawn task was done after all: take it away from where it went. False when it has been answered there.
    private mutating func withdrawElsewhere(
        _ attempt: Attempt, except: SlotIndex, effects: inout [WorkerEffect]
    ) -> Bool {
        if queue.remove(attempt) != nil {
            return true
        }
        for i in slots.indices where i != except.rawValue {
            guard let place = slots[i].python.firstIndex(where: { $0.task.attempt == attempt && !$0.isWithdrawn })
            else { continue }
            slots[i].python[place].isWithdrawn = true
            if place > 0 { effects.append(.withdraw(SlotIndex(i), [attempt])) }
            return true
        }
        return false
    }

    mutating func nativeFinished(
        _ index: SlotIndex, _ results: [TaskResult], effects: inout [WorkerEffect]
    ) {
        let i = index.rawValue
        if slots[i].nativeIsForgotten {
            slots[i].native.removeAll()
            slots[i].nativeIsForgotten = false
            return
        }
        let known = Set(slots[i].native.map(\.attempt))
        let reported = results.filter { known.contains($0.attempt) }
        let done = Set(results.map(\.attempt))
        slots[i].native.removeAll { done.contains($0.attempt) }
        for result in reported { slots[i].measured(result.usage.computeMicroseconds) }
        if !reported.isEmpty { effects.append(.report(reported)) }
    }
}
