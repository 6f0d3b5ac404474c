import AnabranchCore
import PipelineGraph

extension Engine {
    /// Tells the scheduler, and does what it decides, until it has decided all.
    mutating func feed(_ events: [SchedulerEvent], at now: Instant) {
        var queue = events
        var decided: [SchedulerEffect] = []
        while !queue.isEmpty {
            decided.removeAll(keepingCapacity: true)
            scheduler.handle(queue, at: now, effects: &decided)
            if !scheduler.losses.isEmpty { noteLosses() }
            queue.removeAll(keepingCapacity: true)
            for effect in decided { perform(effect, at: now, &queue) }
            feedRestless(at: now, &queue)
        }
    }

    /// Something has become able to run: gives the scheduler what it is waiting for.
    mutating func serve(_ run: RunID, at now: Instant) {
        outbox.restless.append(run)
        var queue: [SchedulerEvent] = []
        feedRestless(at: now, &queue)
        feed(queue, at: now)
    }

    private mutating func perform(_ effect: SchedulerEffect, at now: Instant, _ queue: inout [SchedulerEvent]) {
        switch effect {
        case .dispatch(let worker, let attempts):
            for attempt in attempts {
                dispatch(attempt, to: worker, at: now, &queue)
                offerFollowers(of: attempt.task, &queue)
            }
        case .sendAhead(let worker, let attempt, let predecessor):
            dispatch(attempt, to: worker, after: predecessor, at: now, &queue)
        case .admitted(let task): offerFollowers(of: task, &queue)
        case .withdrawn(let task): takeBack(task)
        case .cancel(let worker, let attempts):
            outbox.lane(worker, configuration.epoch) { $0.cancels.append(contentsOf: attempts) }
        case .complete(let task, let attempt), .fail(let task, let attempt):
            let arrival = arrivals[Attempt(task: task, number: attempt)]
            end(task, arrival?.outcome ?? .failure(Self.unheard), arrival, at: now, &queue)
        case .failLost(let task, let attempts):
            let failure = Failure(
                kind: .workerLost,
                message:
                    "\(attempts) workers were lost while they had it, as many as it has attempts (--max-attempts of the "
                    + "coordinator, ANABRANCH_MAX_ATTEMPTS); nothing else is known to be wrong with it",
                attempt: attempts)
            end(task, .failure(failure), nil, at: now, &queue)
        case .cancelled(let task):
            end(task, .failure(Failure(kind: .cancelled, message: "cancelled")), nil, at: now, &queue)
        case .dropped:
            dropped += 1
        case .replenish(let run, let count):
            // One that has ended since the question has been closed; the scheduler waits for no answer.
            guard runs[run]?.state == .running || sessions.contains(run) else { return }
            let drawn = draw(run, count)
            queue.append(.tasksReady(run, drawn))
            setHunger(run, count - drawn.count)
            endIfPlanned(run, at: now, &queue)
        case .releaseWorker:
            // It was told to drain, has nothing left, and says goodbye by itself.
            break
        case .workerSilent(let worker):
            workers[worker]?.isSilent = true
            if let status = workers[worker]?.status { outbox.effects.append(.publishWorker(status)) }
        }
    }

    private static let unheard = Failure(kind: .invalid, message: "the attempt ended without an answer")

    /// A task has ended for good.
    private mutating func end(
        _ task: TaskID, _ outcome: Outcome, _ arrival: Arrival?, at now: Instant, _ queue: inout [SchedulerEvent]
    ) {
        guard let origin = tasks.removeValue(forKey: task) else { return }
        if case .failure(let failure) = outcome, awaitsRoom(origin, failure) {
            return keepEnded(arrival, failure, of: origin)
        }
        settle(origin, task, outcome, arrival, at: now, &queue)
    }

    /// What the task was for has ended, unless bytes that it needs are made again first.
    mutating func settle(
        _ origin: TaskOrigin, _ task: TaskID, _ outcome: Outcome, _ arrival: Arrival?, at now: Instant,
        _ queue: inout [SchedulerEvent]
    ) {
        if !roomTries.isEmpty { roomTries[origin] = nil }
        switch origin {
        case .firing(let run, let entry):
            switch outcome {
            case .success(let success):
                noteEnd(task, of: origin, outcome, arrival)
                if let arrival { runs[run]?.succeeded(entry, success, arrival, &catalog) }
            case .failure(let met):
                var failure = met
                if met.kind == .objectLost {
                    guard let told = recover(run, entry, met, arrival, &queue) else {
                        keepEnded(arrival, met, of: origin)
                        return tallies.taskRetried(.inputLost)
                    }
                    failure = told
                }
                noteEnd(task, of: origin, .failure(failure), arrival)
                runs[run]?.failed(entry, failure, arrival, &catalog)
                stopOnError(run, failure, at: now, &queue)
            }
            outbox.changed.append(run)
            outbox.restless.append(run)
            endIfPlanned(run, at: now, &queue)
        case .call(let run, let call):
            noteEnd(task, of: origin, outcome, arrival)
            endCall(run, call, outcome, arrival)
        case .remake(let run, let entry):
            if case .failure(let failure) = outcome, failure.kind == .objectLost {
                tallies.taskRetried(.inputLost)
            } else {
                noteEnd(task, of: origin, outcome, arrival)
            }
            endRemake(run, entry, outcome, arrival, at: now, &queue)
        }
    }

    mutating func stopOnError(
        _ run: RunID, _ failure: Failure, at now: Instant, _ queue: inout [SchedulerEvent]
    ) {
        guard let record = runs[run], record.state == .running, record.request.options.onError == .stop,
            let last = record.history.last(where: { $0.state == .failed })?.failure
        else { return }
        let key = last.key.isEmpty ? "" : " (\(last.key))"
        let message = "stopped at the first error, as asked: \(last.node)\(key): \(failure.message)"
        noteCancelled(firingsOf: run)
        for task in runs[run]?.stop(.failed, message, at: now, &catalog) ?? [] { tasks[task] = nil }
        noteRunEnded(run, at: now)
        queue.append(.runCancelled(run))
        queue.append(.runClosed(run))
    }

    mutating func endIfPlanned(_ run: RunID, at now: Instant, _ queue: inout [SchedulerEvent]) {
        if finishIfCompleted(run, at: now) { queue.append(.runClosed(run)) }
    }

    private mutating func feedRestless(at now: Instant, _ queue: inout [SchedulerEvent]) {
        for run in outbox.takeRestless() {
            let hunger = runs[run]?.hunger ?? sessions[run]?.hunger ?? 0
            guard hunger > 0 else { continue }
            let drawn = draw(run, hunger)
            setHunger(run, hunger - drawn.count)
            if !drawn.isEmpty { queue.append(.tasksReady(run, drawn)) }
            endIfPlanned(run, at: now, &queue)
        }
    }

    private mutating func setHunger(_ run: RunID, _ hunger: Int) {
        if runs.contains(run) { runs[run]?.hunger = hunger } else { sessions[run]?.hunger = hunger }
    }

    private mutating func draw(_ id: RunID, _ limit: Int) -> [ReadyTask] {
        if runs.contains(id) { return drawFirings(id, limit) }
        if sessions.contains(id) { return drawCalls(id, limit) }
        return []
    }

    private mutating func drawFirings(_ id: RunID, _ limit: Int) -> [ReadyTask] {
        guard runs[id]?.state == .running, let firings = runs[id]?.draw(limit, &catalog) else { return [] }
        outbox.changed.append(id)
        var ready: [ReadyTask] = []
        ready.reserveCapacity(firings.count)
        for firing in firings {
            taskCount += 1
            let task = TaskID(taskCount)
            tasks[task] = .firing(id, firing.entry)
            if let made = runs[id]?.hand(firing, task, configuration.maxAttempts) { ready.append(placed(made)) }
        }
        return ready
    }
}

extension RunRecord {
    /// The firing goes to the scheduler.
    mutating func hand(_ firing: Firing, _ task: TaskID, _ maxAttempts: UInt32) -> ReadyTask {
        live[firing.entry] = LiveFiring(firing: firing, task: task)
        return ready(firing, task, maxAttempts)
    }

    /// The firing as the scheduler is told of it.
    func ready(_ firing: Firing, _ task: TaskID, _ maxAttempts: UInt32) -> ReadyTask {
        var requirements = TaskRequirements(
            executor: executor(of: firing.node), cores: limits(of: firing.node).threads ?? 1,
            maxAttempts: request.options.maxAttempts ?? maxAttempts)
        if let index = planNode(firing.node).node {
            requirements.retries = request.graph.nodes[Int(index.rawValue)].retries
        } else {
            // Nobody can say it of a step that is no node of theirs: it is as patient as the most patient of them.
            requirements.retries = request.graph.nodes.map(\.retries).max() ?? 0
        }
        return ReadyTask(
            task: task, taskClass: TaskClass(run: id, kind: firing.node.rawValue), requirements: requirements,
            priority: shape.depths[Int(firing.node.rawValue)])
    }

    func executor(of index: PlanNodeIndex) -> String {
        let planNode = planNode(index)
        guard let index = planNode.node, planNode.operation != .foldSplit, planNode.operation != .collectFolds else {
            return "python"
        }
        let node = request.graph.nodes[Int(index.rawValue)]
        // A function registered in the worker is its own whatever the role, a splitter's too.
        let usual = node.nativeFunction.isEmpty ? "python" : "native"
        return node.executor.isEmpty ? usual : node.executor
    }
}
