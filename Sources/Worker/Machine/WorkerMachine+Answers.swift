import AnabranchCore

extension WorkerMachine {
    /// Whatever a runtime has done is told, wanted or not: the coordinator alone knows which of the objects that an answer
    /// names are needed, and frees the others.
    mutating func answered(
        _ index: SlotIndex, _ results: [TaskResult], at now: Moment, effects: inout [WorkerEffect]
    ) {
        var reported: [TaskResult] = []
        var returned: [TaskAssignment] = []
        for result in results {
            let i = index.rawValue
            // Runtimes answer in order; a withdrawn task that was given back is answered like any other.
            guard let place = slots[i].python.firstIndex(where: { $0.task.attempt == result.attempt }) else {
                // Of an epoch that has ended, its number may be another task's by now. And no runtime answers for a task
                // that waits here or runs in another.
                if slots[i].runtime != .forgotten && !holds(result.attempt) { reported.append(result) }
                continue
            }
            let committed = slots[i].python.remove(at: place)
            slots[i].ended(result.attempt.task, at: now)
            switch committed.withdrawal {
            case .settled where result.outcome.isGivenBack: continue
            case .moving where result.outcome.isGivenBack: returned.append(committed.task)
            case .some(let withdrawal) where result.outcome.isGivenBack:
                suspects.remove(result.attempt)
                reported.append(givenBack(result.attempt, withdrawal))
            default:
                suspects.remove(result.attempt)
                slots[i].measured(result.usage.computeMicroseconds)
                reported.append(result)
            }
        }
        for result in reported { heldBack.note(result) }
        putBack(returned, effects: &effects)
        if !reported.isEmpty { effects.append(.report(reported)) }
    }

    private func holds(_ attempt: Attempt) -> Bool {
        queue.contains { $0.attempt == attempt }
            || slots.contains { slot in
                slot.python.contains { $0.task.attempt == attempt } || slot.native.contains { $0.attempt == attempt }
            }
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

extension Outcome {
    /// The runtime had not begun it when it was withdrawn.
    fileprivate var isGivenBack: Bool {
        if case .failure(let failure) = self { failure.kind == .cancelled } else { false }
    }
}
