import AnabranchCore

extension WorkerMachine {
    mutating func assign(onlyIdle: Bool = false, at now: Moment, effects: inout [WorkerEffect]) {
        var wantsRuntime = queue.pythonCount
        var idle = idleSlots
        var starting = 0
        for i in slotsToFill where !queue.isEmpty {
            if onlyIdle && !slots[i].isIdle { continue }
            if case .starting = slots[i].runtime {
                wantsRuntime -= 1
                starting += 1
            }
            if slots[i].isWaiting { continue }
            guard slots[i].native.isEmpty, slots[i].python.count < max(1, slots[i].window / 2) else { continue }
            // Nothing is put behind a task that turned out to be long.
            guard
                slots[i].python.isEmpty || now.microseconds(since: slots[i].runningSince) < Self.stealAfterMicroseconds
            else { continue }
            // Nothing passes a task that waits for several slots.
            let isIdle = slots[i].isIdle
            let fits = !isIdle || queue.first.map { width($0) <= idle } == true
            if slots[i].python.isEmpty, fits, let native = takeNative(limit: slots[i].window) {
                idle -= width(native[0])
                slots[i].native = native
                effects.append(.runNative(SlotIndex(i), native))
                effects.append(.reportStarted(native.map(\.attempt)))
                continue
            }
            switch slots[i].runtime {
            case .ready where fits:
                commit(i, at: now, effects: &effects)
                if isIdle, let task = slots[i].task { idle -= width(task) }
            case .absent where wantsRuntime > 0 && starting < idle && now >= slots[i].restartNotBefore:
                wantsRuntime -= 1
                starting += 1
                slots[i].runtime = .starting(since: now)
                effects.append(.startRuntime(SlotIndex(i)))
            case .ready, .absent, .starting, .unresponsive, .dying, .forgotten: break
            }
        }
    }

    /// Gives the slot its share of the Python tasks that wait.
    private mutating func commit(_ i: Int, at now: Moment, effects: inout [WorkerEffect]) {
        if let last = slots[i].python.last, runsAlone(last.task) { return }
        let share = (queue.count + capacity - 1) / capacity
        let room = min(slots[i].window - slots[i].python.count, max(1, share))
        var tasks: [TaskAssignment] = []
        while tasks.count < room, let first = queue.first, !first.work.isNative {
            if runsAlone(first) {
                if tasks.isEmpty && slots[i].python.isEmpty { tasks.append(queue.removeFirst()) }
                break
            }
            tasks.append(queue.removeFirst())
        }
        guard !tasks.isEmpty else { return }
        while tasks.count + slots[i].python.count < slots[i].window, let last = tasks.last, !runsAlone(last),
            let next = heldBack.follower(of: last.attempt), !next.work.isNative, !runsAlone(next)
        {
            heldBack.remove(next.attempt)
            tasks.append(next)
        }
        if slots[i].python.isEmpty { slots[i].runningSince = now }
        slots[i].python.append(contentsOf: tasks.map { Committed(task: $0) })
        effects.append(.send(SlotIndex(i), tasks))
        effects.append(.reportStarted(tasks.map(\.attempt)))
    }

    /// With nothing else in its runtime: so that its time is its own, its guilt, or its cores.
    private func runsAlone(_ task: TaskAssignment) -> Bool {
        task.limits.timeoutMilliseconds != nil || suspects.contains(task.attempt) || width(task) > 1
    }

    private mutating func takeNative(limit: Int) -> [TaskAssignment]? {
        guard let first = queue.first, first.work.isNative else { return nil }
        let share = (queue.count + capacity - 1) / capacity
        var tasks: [TaskAssignment] = []
        while tasks.count < min(limit, max(1, share)), let next = queue.first, next.work.isNative,
            tasks.isEmpty || width(next) == 1
        {
            tasks.append(queue.removeFirst())
            if width(next) > 1 { break }
        }
        // What waits for the last of them alone goes with it: no other slot could run it.
        while tasks.count < limit, width(tasks[tasks.count - 1]) == 1,
            let next = heldBack.follower(of: tasks[tasks.count - 1].attempt), next.work.isNative, width(next) == 1
        {
            heldBack.remove(next.attempt)
            tasks.append(next)
        }
        return tasks
    }

    /// What is done before a task that turns out to be long is answered while that still runs.
    mutating func askForAnswers(at now: Moment, effects: inout [WorkerEffect]) {
        for i in slots.indices where slots[i].runtime == .ready && slots[i].python.count > 1 {
            guard let place = slots[i].runningPlace, place > slots[i].python.startIndex,
                slots[i].asked != slots[i].begun,
                now.microseconds(since: slots[i].runningSince) >= Self.stealAfterMicroseconds
            else { continue }
            slots[i].asked = slots[i].begun
            effects.append(.askForAnswers(SlotIndex(i)))
        }
    }

    /// What waits behind a long task inside a runtime moves to a slot that has nothing to do, once the runtime will not
    /// begin it.
    mutating func steal(at now: Moment, effects: inout [WorkerEffect]) {
        guard queue.isEmpty, slots.contains(where: { $0.isIdle && $0.runtime == .ready }), idleSlots > 0 else { return }
        for i in slots.indices where slots[i].runtime == .ready && slots[i].python.count > 1 {
            guard now.microseconds(since: slots[i].runningSince) >= Self.stealAfterMicroseconds else { continue }
            // What stands before the task that runs is done, its answer kept back.
            let running = slots[i].runningPlace ?? slots[i].python.startIndex
            let behind = slots[i].python.indices.filter { $0 > running && slots[i].python[$0].withdrawal == nil }
            guard !behind.isEmpty else { continue }
            return withdraw(i, behind, .moving, effects: &effects)
        }
    }
}
