import AnabranchCore

extension Scheduler {
    /// Checks every invariant, in time linear in tasks and leases.
    ///
    /// - Throws: `SchedulerFault` with the story of what contradicts.
    public func validate() throws {
        if let fault = faults.first { throw fault }
        let waiting = queue.waitingTickets()
        var live: [Int: Int] = [:]
        var counted = 0
        var queued = 0
        for id in tasks.ids {
            guard let task = tasks[id] else { continue }
            try validate(task, id, waiting: waiting)
            counted += 1
            live[queue.lanes[task.lane].key.run, default: 0] += 1
            if case .queued = task.stage { queued += 1 }
        }
        for index in workers.indices { try validate(worker: index) }
        try validateLists()
        try validateChains()
        try queue.validate()
        try check(counted == tasks.count, "\(tasks.count) tasks counted of \(counted)")
        for index in runs.indices {
            let waiting = queue.readyCount(ofRun: index)
            let live = live[index] ?? 0
            try check(
                live == runs[index].live, "run \(runs[index].id) counts \(runs[index].live) live tasks of \(live)")
            try check(waiting <= live, "run \(runs[index].id) has more ready than live tasks")
        }
        try check(queued == queue.count, "\(queued) tasks wait but the queue holds \(queue.count)")
    }

    private func check(_ holds: Bool, _ message: @autoclosure () -> String, task: TaskID? = nil) throws {
        if !holds { throw SchedulerFault(message(), story: task.map { story(of: $0) } ?? "") }
    }

    private func validate(_ task: TaskState, _ id: TaskID, waiting: [TaskID: Int64]) throws {
        switch task.stage {
        case .queued(let ticket):
            try check(waiting[id] == ticket, "task \(id) waits but is not in its lane", task: id)
        case .reserved(let worker):
            let reservation = workerIndex[worker].flatMap { workers[$0].reservation }
            try check(reservation?.task == id, "task \(id) is reserved by nobody", task: id)
        case .running(let worker, let number):
            let lease = workerIndex[worker].flatMap { workers[$0].leases[Attempt(task: id, number: number)] }
            try check(lease?.phase.isCurrent == true, "task \(id) runs without a lease", task: id)
            try check(number <= task.issued, "task \(id) runs an attempt that was not sent", task: id)
        case .ahead(let worker):
            let lease = workerIndex[worker].flatMap { workers[$0].leases[Attempt(task: id, number: 1)] }
            try check(lease?.phase == .held && lease?.isAhead == true, "task \(id) is ahead without a lease", task: id)
            let chain = chainOf[id].flatMap { chains[$0] }
            try check(chain?.worker == worker, "task \(id) is ahead of nothing", task: id)
        case .lost: try check(false, "task \(id) was lost and left so", task: id)
        }
        for straggler in task.stragglers {
            let attempt = Attempt(task: id, number: straggler.number)
            let lease = workerIndex[straggler.worker].flatMap { workers[$0].leases[attempt] }
            try check(lease?.phase == .lapsed, "a straggler of task \(id) has no lapsed lease", task: id)
        }
        try check(task.lostNumbers.count < max(task.maxAttempts, 1), "task \(id) outlived its attempts", task: id)
    }

    private func validate(worker index: Int) throws {
        let worker = workers[index]
        try check(workerIndex[worker.id] == index, "worker \(worker.id) is not where it should be")
        var used: UInt32 = 0
        var long: UInt32 = 0
        var expected: UInt64 = 0
        for (attempt, lease) in worker.leasesInOrder() {
            used += lease.heldSlots
            if let microseconds = lease.heldMicroseconds { expected += microseconds } else { long += lease.slots }
            let task = tasks[attempt.task]
            let isAhead = task?.stage == .ahead(worker.id) && attempt.number == 1
            let isCurrent = task?.stage == .running(worker.id, number: attempt.number) || isAhead
            try check(
                isAhead == (lease.isAhead && lease.phase.isCurrent), "lease \(attempt) is ahead or is not",
                task: attempt.task)
            let isStraggler = task?.stragglers.contains(Placement(worker: worker.id, number: attempt.number)) == true
            try check(
                isCurrent == lease.phase.isCurrent && isStraggler == (lease.phase == .lapsed),
                "lease \(attempt) of worker \(worker.id) is \(lease.phase)", task: attempt.task)
            let shape = task.map { queue.shapes[queue.lanes[$0.lane].key.shape].shape }
            try check(
                !isCurrent || shape?.worker == nil || shape?.worker == worker.id,
                "task \(attempt.task) is at worker \(worker.id), and is for another alone", task: attempt.task)
            try check(
                !isCurrent || shape?.store == nil || shape?.store == worker.store,
                "task \(attempt.task) is at worker \(worker.id), which does not see its inputs", task: attempt.task)
        }
        try check(
            used == worker.usedSlots && long == worker.longSlots && expected == worker.expectedMicroseconds,
            "worker \(worker.id) counts \(worker.usedSlots) used, \(worker.longSlots) long slots of \(used), \(long)")
        if !worker.standing.isHeard || worker.standing == .draining {
            try check(worker.reservation == nil, "worker \(worker.id) takes no work but has a reservation")
        }
        if !worker.standing.isHeard, worker.standing != .released {
            let current = worker.leases.values.contains { $0.phase.isCurrent }
            try check(!current, "worker \(worker.id) is silent but holds current attempts")
        }
        let isOpen = worker.acceptsWork && (worker.freeSlots > 0 || worker.wantsPrefetch(configuration))
        let isListed = worker.openPosition >= 0 && open[worker.openPosition] == index
        try check(isOpen == isListed, "worker \(worker.id) is \(isOpen ? "missing from" : "among") the open ones")
        try check(worker.outgoing.isEmpty && worker.cancels.isEmpty, "messages for worker \(worker.id) were not sent")
    }

    private func validateChains() throws {
        try check(withdrawn.isEmpty, "tasks were withdrawn and not told of")
        var members = 0
        for (name, chain) in chains {
            members += chain.tasks.count
            try check(chain.tasks.count > 1, "the chain of \(name) has nothing ahead")
            try check(chain.tasks.allSatisfy { chainOf[$0] == name }, "the chain of \(name) is not that of its tasks")
            for (place, task) in chain.tasks.enumerated() {
                let stage = tasks[task]?.stage
                try check(
                    stage == (place == 0 ? .running(chain.worker, number: chain.number) : .ahead(chain.worker)),
                    "task \(task) in the chain of \(name) is \(story(of: task))", task: task)
            }
        }
        try check(members == chainOf.count, "\(chainOf.count) tasks are in chains, of \(members)")
    }

    private func validateLists() throws {
        try check(workers.count == workerIndex.count, "workers and their index differ")
        try check(runs.count == runIndex.count, "runs and their index differ")
        let over = workers.indices.filter { workers[$0].usedSlots > workers[$0].slots }
        try check(
            Set(over) == Set(overcommitted) && over.count == overcommitted.count,
            "\(overcommitted.count) workers listed as full and more, of \(over.count)")
        try check(
            over.allSatisfy { !workers[$0].hasNothingToRecall || waitingLeases($0).isEmpty },
            "a worker with tasks that could be recalled is passed over")
        try check(open.allSatisfy { workers.contains($0) }, "a worker that has gone is among the open ones")
        let reserved = workers.indices.filter { workers[$0].reservation != nil }
        try check(Set(reserved) == Set(reserving), "reservations and their list differ")
        let leaving = workers.indices.filter {
            workers[$0].standing == .draining || workers[$0].standing == .drainingSilent
        }
        try check(Set(leaving) == Set(draining), "draining workers and their list differ")
        let askable = runs.indices.filter { runs[$0].supply != .exhausted }
        try check(Set(askable) == Set(suppliers), "runs that may be asked and their list differ")
    }
}
