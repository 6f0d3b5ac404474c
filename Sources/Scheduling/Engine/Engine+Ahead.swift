import AnabranchCore

// Calls sent ahead with the one whose value they wait for.
extension Engine {
    /// Offers the scheduler the calls that wait for this task's alone, one after the other.
    mutating func offerFollowers(of task: TaskID, _ queue: inout [SchedulerEvent]) {
        guard case .call(let run, _) = tasks[task], sessions[run]?.dependents.isEmpty == false,
            let room = scheduler.roomAhead(of: task), case .call(_, let last) = tasks[room.last],
            let line = sessions[run]?.line(behind: last, atMost: room.count), !line.isEmpty
        else { return }
        var offered: [ReadyTask] = []
        for call in line {
            taskCount += 1
            let task = TaskID(taskCount)
            guard let ready = sessions[run]?.hand(call, task, configuration.maxAttempts) else { break }
            tasks[task] = .call(run, call)
            offered.append(ready)
        }
        queue.append(.tasksFollow(offered, after: room.last))
    }

    /// A call has come that may be for the end of what a worker has already.
    mutating func offerBehindPredecessor(_ run: RunID, _ call: Call, _ queue: inout [SchedulerEvent]) {
        for case .call(let earlier) in call.dependencies {
            guard let task = sessions[run]?.queued[earlier]?.task else { return }
            return offerFollowers(of: task, &queue)
        }
    }

    /// The task was not sent ahead, or for nothing. Its call becomes another task as soon as it is ready.
    mutating func takeBack(_ task: TaskID) {
        guard case .call(let run, let call) = tasks.removeValue(forKey: task) else { return }
        if sessions[run]?.withdraw(call) == true { outbox.restless.append(run) }
    }

    /// The worker gives this value to what it holds back: it is in use there from now on, whatever becomes of either.
    mutating func lendValue(of outcome: Outcome, to follower: Attempt, at worker: WorkerID) {
        guard case .success(let success) = outcome, let value = success.value, !value.isInline,
            workers[worker]?.lent[follower] != nil
        else { return }
        catalog.use(value)
        workers[worker]?.lent[follower]?.arguments.append(value.id)
    }
}

extension SessionRecord {
    /// Up to `limit` calls of which each waits for the one before it and for nothing else, and nothing else for that.
    fileprivate func line(behind call: CallID, atMost limit: Int) -> [CallID] {
        var line: [CallID] = []
        var last = call
        while line.count < limit, let waiting = dependents[last], waiting.count == 1, let next = queued[waiting[0]],
            next.task == nil, next.call.dependencies.count(where: { $0 == .call(last) }) == Int(next.missing)
        {
            last = waiting[0]
            line.append(last)
        }
        return line
    }

    /// The scheduler has no task for the call any more. True when it can be made one again.
    fileprivate mutating func withdraw(_ call: CallID) -> Bool {
        guard queued[call]?.task != nil else { return false }
        takeBack(call)
        guard queued[call]?.missing == 0 else { return false }
        ready.append(call)
        return true
    }
}
