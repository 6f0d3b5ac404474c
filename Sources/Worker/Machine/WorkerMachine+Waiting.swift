import AnabranchCore

// Tasks that wait for tasks which they submitted themselves: another one runs in their stead, in a slot of its own.
extension WorkerMachine {
    mutating func beganToWait(
        _ index: SlotIndex, _ attempt: Attempt, at now: Moment, effects: inout [WorkerEffect]
    ) {
        let i = index.rawValue
        guard slots[i].runtime == .ready,
            let place = slots[i].python.firstIndex(where: {
                $0.task.attempt == attempt && $0.withdrawal != .settled
            })
        else { return }
        slots[i].began(attempt.task, at: now)
        slots[i].waiting = attempt
        if slots.count(where: \.isWaiting) > mostWaiting { return kill(i, because: .invalid, effects: &effects) }
        // What stands behind it may be what it waits for.
        withdraw(i, slots[i].python.indices.filter { $0 > place }, .moving, effects: &effects)
    }

    /// As many slots as tasks may run, beside those of the tasks that wait.
    mutating func openSlots() {
        let missing = capacity - slots.count { !$0.isWaiting }
        if missing > 0 { slots.append(contentsOf: repeatElement(WorkerSlot(), count: missing)) }
    }

    /// Slots in the order in which they are to be filled: those that need no start before the others.
    var slotsToFill: [Int] {
        if slots.count == capacity { return Array(slots.indices) }
        return slots.indices.filter { slots[$0].runtime == .ready }
            + slots.indices.filter { slots[$0].runtime != .ready }
    }

    /// Ends runtimes that nobody has needed for a while, of those that ran in others' stead.
    mutating func retire(at now: Moment, effects: inout [WorkerEffect]) {
        if slots.count == capacity { return }
        var surplus = slots.count { !$0.isWaiting && $0.runtime == .ready } - capacity
        for i in slots.indices.reversed() {
            guard surplus > 0, slots[i].isIdle, slots[i].runtime == .ready else {
                slots[i].idleSince = nil
                continue
            }
            surplus -= 1
            let since = slots[i].idleSince ?? now
            slots[i].idleSince = since
            if now.microseconds(since: since) >= Self.retireAfterMicroseconds {
                slots[i].runtime = .forgotten
                slots[i].idleSince = nil
                effects.append(.killRuntime(SlotIndex(i)))
            }
        }
    }

    /// Every attempt that waits for what it submitted.
    public var waitingAttempts: [Attempt] { slots.compactMap { $0.isWaiting ? $0.waiting : nil } }

    mutating func tellWaiting(effects: inout [WorkerEffect]) {
        if slots.count == capacity && toldWaiting.isEmpty { return }
        let waiting = waitingAttempts
        if waiting == toldWaiting { return }
        toldWaiting = waiting
        effects.append(.reportWaiting(waiting))
    }
}
