import AnabranchCore

// Runs, their tasks, and how they are asked for more.
extension Scheduler {
    mutating func runOpened(_ id: RunID) {
        guard runIndex[id] == nil else {
            recordFault("run \(id) was opened twice")
            return
        }
        let index = runs.insert(RunState(id: id))
        runIndex[id] = index
        queue.openRun(id, at: index)
        suppliers.append(index)
    }

    mutating func tasksReady(_ ready: [ReadyTask], of id: RunID, effects: inout [SchedulerEffect]) {
        guard let run = runIndex[id] else {
            // The answer to a question may cross the end of its run, but then there is nothing in it.
            if !ready.isEmpty { recordFault("\(ready.count) tasks came for run \(id), which is not open") }
            return
        }
        if runs[run].isCancelled {
            for task in ready { effects.append(.cancelled(task.task)) }
            return
        }
        if runs[run].supply != .exhausted {
            runs[run].supply = ready.isEmpty && runs[run].endedSinceAsked == 0 ? .dry : .open
        }
        // Tasks that come together are mostly of one class.
        var last: (key: ReadyTask, lane: Int)?
        for task in ready {
            guard tasks[task.task] == nil else {
                recordFault("task \(task.task) came twice", story: story(of: task.task))
                continue
            }
            let lane: Int
            if let last, last.key.taskClass == task.taskClass, last.key.requirements == task.requirements,
                last.key.priority == task.priority
            {
                lane = last.lane
            } else {
                lane = self.lane(for: task, run: run)
                last = (task, lane)
            }
            let ticket = queue.enqueue(task.task, lane: lane, classes: classes)
            tasks[task.task] = TaskState(
                stage: .queued(ticket: ticket), lane: lane, maxAttempts: task.requirements.maxAttempts,
                retries: task.requirements.retries)
            runs[run].live += 1
        }
    }

    mutating func lane(for task: ReadyTask, run: Int) -> Int {
        let kind = task.taskClass.kind
        let shape = queue.shape(TaskShape(task.requirements))
        if shape.isNew { refreshShapes() }
        let classIndex: Int
        if let known = runs[run].classes[kind] {
            classIndex = known
        } else {
            classIndex = classes.insert(DurationEstimate())
            runs[run].classes[kind] = classIndex
        }
        let key = ReadyQueue.LaneKey(run: run, kind: kind, shape: shape.index, priority: task.priority)
        return queue.lane(key, classIndex: classIndex)
    }

    mutating func runExhausted(_ id: RunID) {
        guard let run = runIndex[id] else { return }
        runs[run].supply = .exhausted
        suppliers.removeAll { $0 == run }
    }

    mutating func cancel(_ id: TaskID, effects: inout [SchedulerEffect]) {
        guard tasks[id] != nil else { return }
        finish(id)
        effects.append(.cancelled(id))
    }

    mutating func runCancelled(_ id: RunID, effects: inout [SchedulerEffect]) {
        guard let run = runIndex[id] else { return }
        runExhausted(id)
        runs[run].isCancelled = true
        for task in liveTasks(ofRun: run) { cancel(task, effects: &effects) }
    }

    /// Whatever the run still has at workers is cancelled, and nothing is said of it.
    mutating func runClosed(_ id: RunID) {
        guard let run = runIndex[id] else { return }
        runExhausted(id)
        for task in liveTasks(ofRun: run) { finish(task) }
        queue.closeRun(at: run)
        for index in runs[run].classes.values.sorted() { classes.remove(at: index) }
        runs.remove(at: run)
        runIndex[id] = nil
    }

    /// Waiting ones from the run's lanes, in order, then those that workers have, each before what it was sent ahead behind.
    private func liveTasks(ofRun run: Int) -> [TaskID] {
        guard runs[run].live > 0 else { return [] }
        var found = queue.runs[run].lanes.flatMap { queue.lanes[$0].tasks }
        if found.count == runs[run].live { return found }
        for index in workers.indices {
            let leases = workers[index].leasesInOrder().filter { $0.lease.phase.isCurrent }
            var candidates = leases.filter { !$0.lease.wasAhead }.map(\.attempt.task)
            candidates.insert(contentsOf: leases.filter(\.lease.wasAhead).map(\.attempt.task).reversed(), at: 0)
            if let reservation = workers[index].reservation { candidates.append(reservation.task) }
            for task in candidates {
                guard let lane = tasks[task]?.lane, queue.lanes[lane].key.run == run else { continue }
                found.append(task)
            }
        }
        return found
    }

    /// Something of the run has ended: a plan that had nothing ready may have something now.
    mutating func wakeSupply(_ run: Int) {
        runs[run].endedSinceAsked += 1
        if runs[run].supply == .dry { runs[run].supply = .open }
    }

    /// Asks runs whose ready tasks are fewer than the pool takes in one go. The bound follows the slots, never the number of
    /// tasks that a plan could give.
    mutating func replenish(effects: inout [SchedulerEffect]) {
        if suppliers.isEmpty { return }
        var pool: (slots: Int, free: Int)?
        for run in suppliers where runs[run].supply == .open {
            let current = pool ?? measurePool()
            pool = current
            let ready = queue.readyCount(ofRun: run)
            let target = growWindow(ofRun: run, slots: current.slots)
            // Idle slots may be unable to use what is ready; the bound still holds.
            guard ready * 2 < target || (current.free > 0 && ready < target * 4) else { continue }
            runs[run].supply = .asked
            runs[run].endedSinceAsked = 0
            effects.append(.replenish(runs[run].id, count: max(target - ready, 0) + current.free))
        }
    }

    private func measurePool() -> (slots: Int, free: Int) {
        var pool = (slots: 0, free: 0)
        for index in workers.indices where workers[index].standing == .active {
            pool.slots += Int(workers[index].slots)
            if workers[index].acceptsWork { pool.free += Int(workers[index].freeSlots) }
        }
        return pool
    }

    /// Ready tasks to keep: one for each slot, and while the run's tasks are short up to what the pool's queues take.
    private mutating func growWindow(ofRun run: Int, slots: Int) -> Int {
        let prefetch = configuration.prefetchMicroseconds
        var most = max(slots, 1)
        if let expected = runs[run].estimate.microseconds, expected <= prefetch {
            most += slots * min(Int(prefetch / expected), configuration.maxPrefetch)
        }
        let window = max(runs[run].window, slots, 1)
        runs[run].window = min(runs[run].endedSinceAsked * 2 >= window ? window * 2 : window, most)
        return runs[run].window
    }
}
