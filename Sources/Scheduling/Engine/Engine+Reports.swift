import AnabranchCore
import PipelineGraph

extension Engine {
    /// One message out of the inbox. Attempts that the worker was not sent, or has answered before, count as dropped.
    mutating func workerReported(_ batch: ResultBatch, at now: Instant) {
        let id = batch.worker
        guard batch.epoch == configuration.epoch, workers.contains(id) else {
            dropped += 1
            return
        }
        workers[id]?.isSilent = false
        for writer in batch.writersOpened { catalog.writerOpened(writer, owner: .worker(id)) }
        for log in batch.logs { keep(log, of: id) }

        var events = batch.started.map { SchedulerEvent.attemptStarted(id, $0) }
        var borrowed: [ObjectID] = []
        var failed: [Attempt] = []
        var lost: [(attempt: Attempt, lent: LentAttempt)] = []
        for result in batch.results {
            guard let lent = workers[id]?.answered(result.attempt) else {
                dropped += 1
                disown(result, from: id, &borrowed)
                continue
            }
            if let holder = result.holder {
                catalog.writerOpened(holder, owner: .worker(id))
                catalog.viewsHeld(result.held, by: holder)
            }
            borrowed += lent.arguments
            var arrival = examine(result, from: id, &borrowed)
            if let follower = lent.follower { lendValue(of: arrival.outcome, to: follower, at: id) }
            arrival.usage.dispatchedMicroseconds = lent.sent.microseconds
            arrival.usage.arrivedMicroseconds = now.microseconds
            arrival.usage.worker = id
            tallies.answered(arrival.usage, sharesClock: seesStore(id))
            if case .failure = arrival.outcome { failed.append(result.attempt) }
            arrivals[result.attempt] = arrival
            events.append(
                .attemptEnded(
                    id, result.attempt, arrival.outcome.end, computeMicroseconds: result.usage.computeMicroseconds))
        }
        if let waiting = batch.waiting { events.append(.attemptsWaiting(id, waiting)) }
        if let heartbeat = batch.heartbeat {
            let before = workers[id]?.droppedMessages ?? 0
            if heartbeat.droppedMessages > before { tallies.workerDropped(heartbeat.droppedMessages - before) }
            workers[id]?.droppedMessages = heartbeat.droppedMessages
            workers[id]?.unconfirmed.removeAll { $0.number <= heartbeat.lastBatch }
            let lease = configuration.leaseMicroseconds
            let underWay = workers[id]?.attemptsUnderWay(heartbeat, lease: lease, at: now) ?? []
            let running = heartbeat.running + underWay
            lost = forgetLost(id, running: running, at: now)
            for (_, lent) in lost { borrowed += lent.arguments }
            events.append(.heartbeat(id, running: running))
        }
        feed(events, at: now)
        keepEarlier(failed)
        for (attempt, lent) in lost { keepLost(attempt, of: id, lent, at: now) }
        arrivals.removeAll(keepingCapacity: true)
        for object in borrowed { catalog.endUse(object) }
        for released in batch.released { catalog.viewsEnded(released.objects, by: released.holder) }
        if !batch.writersClosed.isEmpty { writersEnded(batch.writersClosed.filter { owns($0, id) }, at: now) }
    }

    private func owns(_ writer: WriterID, _ worker: WorkerID) -> Bool { catalog.owner(of: writer) == .worker(worker) }

    /// Attempts that it was sent more than a lease ago and does not have: they, or their results, were lost on the way.
    private mutating func forgetLost(
        _ id: WorkerID, running: [Attempt], at now: Instant
    ) -> [(attempt: Attempt, lent: LentAttempt)] {
        guard let lent = workers[id]?.lent, !lent.isEmpty else { return [] }
        let running = Set(running)
        var lost: [(attempt: Attempt, lent: LentAttempt)] = []
        for (attempt, record) in lent
        where now.since(record.sent) > configuration.leaseMicroseconds && !running.contains(attempt) {
            workers[id]?.lent[attempt] = nil
            lost.append((attempt, record))
        }
        return lost.sorted { $0.attempt < $1.attempt }
    }

    /// A result as it counts: a success that does not answer what was asked is a failure, one whose bytes are gone a loss. Its objects are in use until
    /// the caller gives back what this adds to `borrowed`.
    private mutating func examine(_ result: TaskResult, from id: WorkerID, _ borrowed: inout [ObjectID]) -> Arrival {
        var arrival = Arrival(
            worker: id, attempt: result.attempt.number, outcome: result.outcome, usage: result.usage)
        let lost = borrow(result.outcome, from: id, &borrowed)
        switch result.outcome {
        case .success(var success):
            if success.value == nil, isNativeCall(result.attempt.task) {
                success.value = .nothing(configuration.epoch)
                arrival.outcome = .success(success)
            }
            if let lost, catalog.hasEnded(lost.id.writer) {
                // It outlived its bytes on the way (in a worker that stood still while its runtime died, say).
                arrival.outcome = .failure(
                    Failure(kind: .workerLost, message: "the process that wrote object \(lost.id) has ended"))
                return arrival
            }
            if let lost {
                arrival.outcome = .failure(
                    Failure(
                        kind: .objectLost,
                        message:
                            "the result names object \(lost.id), which was given up or is another's: its bytes are gone"
                    ))
                return arrival
            }
            if let complaint = complaint(about: success, of: result.attempt.task) {
                arrival.outcome = .failure(Failure(kind: .invalid, message: complaint))
            }
        case .failure(var failure):
            if lost != nil { failure.exception = nil }
            if failure.kind == .storeFull { failure.message += storeFullHint(result.attempt.task) }
            arrival.outcome = .failure(failure)
        }
        return arrival
    }

    /// Puts what an outcome names to use until the caller gives it back, so that what nobody needs then is released.
    ///
    /// - Returns: The first object whose bytes are gone.
    private mutating func borrow(_ outcome: Outcome, from id: WorkerID, _ borrowed: inout [ObjectID]) -> ObjectRef? {
        var references: [ObjectRef] = []
        outcome.forEachReference { if !$0.isInline { references.append($0) } }
        var lost: ObjectRef?
        for reference in references {
            if catalog.owner(of: reference.id.writer) == nil {
                catalog.writerOpened(reference.id.writer, owner: .worker(id))
            }
            if catalog.mayMention(reference, by: .worker(id)) {
                catalog.use(reference)
                borrowed.append(reference.id)
            } else if lost == nil {
                lost = reference
            }
        }
        return lost
    }

    /// An answer that nobody waits for: what it names is freed, unless it is needed for another reason or still viewed.
    private mutating func disown(_ result: TaskResult, from id: WorkerID, _ borrowed: inout [ObjectID]) {
        _ = borrow(result.outcome, from: id, &borrowed)
        guard let holder = result.holder else { return }
        catalog.writerOpened(holder, owner: .worker(id))
        // It may be older than the last report, so it ends no view.
        catalog.viewsAppeared(result.held, by: holder)
    }

    private func isNativeCall(_ task: TaskID) -> Bool {
        guard case .call(let run, let call) = tasks[task] else { return false }
        return sessions[run]?.queued[call]?.call.executor == "native"
    }

    private func complaint(about success: Success, of task: TaskID) -> String? {
        switch tasks[task] {
        case .firing(let run, let entry):
            guard let record = runs[run], let live = record.live[entry] else { return nil }
            let node = record.planNode(live.firing.node)
            return SuccessCheck.complaint(about: success, for: node).map {
                "the worker's answer for \(node.name) \($0)"
            }
        case .remake(let run, let entry):
            guard let record = runs[run], let remake = record.recovery.remakes[entry] else { return nil }
            let node = record.planNode(remake.recipe.firing.node)
            return SuccessCheck.complaint(about: success, for: node).map {
                "the worker's answer for \(node.name) \($0)"
            }
        case .call(_, let call):
            return success.value == nil ? "the worker's answer for call \(call) has no value" : nil
        case nil:
            return nil
        }
    }

    private mutating func keep(_ written: SlotLog, of worker: WorkerID) {
        guard let task = written.task, let origin = tasks[task] else { return }
        var log = written
        log.worker = worker
        log.node = ""
        if case .call(let run, _) = origin {
            sessions[run]?.logs.append(log)
        } else {
            guard let node = firing(of: origin)?.node, let name = runs[origin.run]?.name(of: node) else { return }
            log.node = name
            runs[origin.run]?.logs.append(log)
        }
        outbox.effects.append(.publishLog(origin.run, log))
    }
}

extension Outcome {
    fileprivate func forEachReference(_ body: (ObjectRef) -> Void) {
        switch self {
        case .success(let success): success.forEachReference(body)
        case .failure(let failure): if let exception = failure.exception { body(exception) }
        }
    }

    /// How the attempt ended, as far as scheduling cares.
    var end: AttemptEnd {
        switch self {
        case .success: .succeeded
        case .failure(let failure):
            switch failure.kind {
            case .killed: .killedRuntime
            case .cancelled: .returned
            case .workerLost: .lost
            default: .failed
            }
        }
    }
}
