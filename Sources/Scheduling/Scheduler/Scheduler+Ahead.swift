import AnabranchCore

// Tasks sent ahead with the one that they wait for, so that nothing has to come and go between the two.
extension Scheduler {
    /// What is sent behind this task next stands behind `last`; so many tasks are worth asking for. Nil while nothing
    /// is to be sent: ready tasks wait for slots, the task is long or nobody knows, or half of what may be ahead still is.
    public func roomAhead(of task: TaskID) -> (last: TaskID, count: Int)? {
        guard queue.count == 0, let state = tasks[task],
            let expected = classes[queue.lanes[state.lane].classIndex].microseconds
        else { return nil }
        let last = chainOf[task].flatMap { chains[$0]?.tasks.last } ?? task
        let depth = chainOf[task].flatMap { chains[$0] }.map { $0.tasks.count - 1 } ?? 0
        let most = min(configuration.maxAhead, Int(configuration.prefetchMicroseconds / max(expected, 1)))
        return depth * 2 <= most && depth < most ? (last, most - depth) : nil
    }

    mutating func tasksFollow(
        _ tasks: [ReadyTask], after leader: TaskID, at now: Instant, effects: inout [SchedulerEffect]
    ) {
        var leader = leader
        for (place, task) in tasks.enumerated() {
            guard sendAhead(task, behind: leader, at: now, effects: &effects) else {
                for refused in tasks[place...] { effects.append(.withdrawn(refused.task)) }
                return
            }
            leader = task.task
        }
    }

    /// False when it is not worth it: what is ahead of its time must be short, and no other task may have to wait for it.
    private mutating func sendAhead(
        _ ready: ReadyTask, behind leader: TaskID, at now: Instant, effects: inout [SchedulerEffect]
    ) -> Bool {
        guard tasks[ready.task] == nil else {
            recordFault("task \(ready.task) came twice", story: story(of: ready.task))
            return false
        }
        guard queue.count == 0, let state = tasks[leader], let run = runIndex[ready.taskClass.run],
            queue.lanes[state.lane].key.run == run
        else { return false }
        let name = chainOf[leader] ?? leader
        guard var chain = chains[name] ?? newChain(leader, state), chain.tasks.last == leader,
            chain.tasks.count <= configuration.maxAhead, let head = chain.tasks.first,
            let index = workerIndex[chain.worker], workers[index].acceptsWork,
            workers[index].leases[Attempt(task: head, number: chain.number)]?.phase == .held
        else { return false }
        let lane = lane(for: ready, run: run)
        guard queue.lanes[lane].key.shape == queue.lanes[state.lane].key.shape,
            let expected = classes[queue.lanes[lane].classIndex].microseconds,
            chain.expectedMicroseconds + expected <= configuration.prefetchMicroseconds
        else { return false }

        let attempt = Attempt(task: ready.task, number: 1)
        var added = TaskState(
            stage: .ahead(chain.worker), lane: lane, maxAttempts: ready.requirements.maxAttempts,
            retries: ready.requirements.retries)
        added.issued = attempt.number
        tasks[ready.task] = added
        runs[run].live += 1
        var lease = Lease(
            phase: .held, sequence: takeSequence(), dispatchedAt: now, slots: width(of: added, on: index),
            expected: expected)
        lease.isAhead = true
        lease.wasAhead = true
        addLease(lease, for: attempt, to: index)
        counters.dispatched += 1
        counters.sentAhead += 1
        let number = leader == head ? chain.number : 1
        effects.append(.sendAhead(chain.worker, attempt, after: Attempt(task: leader, number: number)))
        if chain.tasks.count == 1 { chainOf[leader] = name }
        chain.append(ready.task, expected: expected)
        chains[name] = chain
        chainOf[ready.task] = name
        return true
    }

    private func newChain(_ leader: TaskID, _ state: TaskState) -> Chain? {
        guard case .running(let worker, let number) = state.stage else { return nil }
        return Chain(worker: worker, number: number, first: leader)
    }

    /// This attempt has succeeded: answers the task behind it, which is the first of the chain now, or in none.
    mutating func takeFromChain(_ attempt: Attempt, on worker: WorkerID) -> TaskID? {
        guard !chains.isEmpty, let name = chainOf[attempt.task], var chain = chains[name], chain.worker == worker,
            chain.tasks.first == attempt.task, chain.number == attempt.number
        else { return nil }
        chain.advance()
        chainOf[attempt.task] = nil
        let next = chain.tasks.first
        chains[name] = chain
        dissolveIfAlone(name)
        return next
    }

    /// Its turn has come, with the slot of the one before it.
    mutating func admit(_ task: TaskID, on worker: WorkerID, effects: inout [SchedulerEffect]) {
        let attempt = Attempt(task: task, number: 1)
        guard let index = workerIndex[worker], var lease = removeLease(attempt, from: index) else {
            return recordFault("task \(task) was sent ahead without a lease", story: story(of: task))
        }
        lease.isAhead = false
        addLease(lease, for: attempt, to: index)
        tasks.update(task) { $0.stage = .running(worker, number: 1) }
        effects.append(.admitted(task))
    }

    /// It was sent ahead and will not count, nor will what is behind it.
    mutating func withdrawAhead(_ id: TaskID) {
        leaveChain(id)
        forgetAhead(id)
    }

    /// What waits behind this task at its worker will not count.
    mutating func withdrawFollowers(of id: TaskID) {
        guard !chains.isEmpty, let name = chainOf[id], let place = chains[name]?.tasks.firstIndex(of: id) else {
            return
        }
        while let last = chains[name]?.tasks.last, last != id {
            removeLast(of: name)
            forgetAhead(last)
        }
        if place == 0 { dissolveIfAlone(name) }
    }

    /// Takes a task and what is behind it out of its chain.
    mutating func leaveChain(_ id: TaskID) {
        withdrawFollowers(of: id)
        guard !chains.isEmpty, let name = chainOf[id] else { return }
        removeLast(of: name)
        dissolveIfAlone(name)
    }

    private mutating func removeLast(of name: TaskID) {
        guard let last = chains[name]?.tasks.last else { return }
        chainOf[last] = nil
        chains[name]?.removeLast()
    }

    private mutating func dissolveIfAlone(_ name: TaskID) {
        guard let chain = chains[name], chain.tasks.count < 2 else { return }
        if let task = chain.tasks.first { chainOf[task] = nil }
        chains[name] = nil
    }

    /// Before its run is asked for more: what is withdrawn is part of the answer.
    mutating func tellWithdrawn(effects: inout [SchedulerEffect]) {
        for task in withdrawn { effects.append(.withdrawn(task)) }
        withdrawn.removeAll(keepingCapacity: true)
    }

    private mutating func forgetAhead(_ id: TaskID) {
        guard let task = tasks.removeValue(forKey: id), case .ahead(let worker) = task.stage else { return }
        let attempt = Attempt(task: id, number: 1)
        if let index = workerIndex[worker], workers[index].leases[attempt] != nil {
            cancelAttempt(1, of: id, on: worker)
        }
        let run = queue.lanes[task.lane].key.run
        runs[run].live -= 1
        wakeSupply(run)
        withdrawn.append(id)
    }
}
