import AnabranchCore
import DequeModule

extension Engine {
    mutating func openSession(_ client: ClientID, _ request: UInt64, _ name: String, at now: Instant) {
        if let refusal = refusalToWork(for: client) { return reply(client, request, .error(refusal)) }
        let id = makeRunID()
        sessions[id] = SessionRecord(id: id, client: client, name: name, started: now)
        clients[client]?.runs.insert(id)
        reply(client, request, .runAccepted(id))
        tell(.runAccepted(id, name: name, client: client, isSession: true))
        feed([.runOpened(id)], at: now)
    }

    /// Takes calls into a session; a call that cannot run is answered with its failure.
    mutating func submitCalls(_ id: RunID, _ calls: [Call], at now: Instant) {
        for call in calls where sessions[id]?.submit(call, &catalog) == false { dropped += 1 }
        outbox.changed.append(id)
        serve(id, at: now)
        var offers: [SchedulerEvent] = []
        for call in calls { offerBehindPredecessor(id, call, &offers) }
        if !offers.isEmpty { feed(offers, at: now) }
    }

    mutating func drawCalls(_ id: RunID, _ limit: Int) -> [ReadyTask] {
        guard let drawn = sessions[id]?.draw(limit, after: taskCount, configuration.maxAttempts) else { return [] }
        taskCount += UInt64(drawn.count)
        for (call, ready) in drawn { tasks[ready.task] = .call(id, call) }
        return drawn.map { placed($0.1) }
    }

    /// A call that a worker has run, or was to run, has ended.
    mutating func endCall(_ id: RunID, _ call: CallID, _ outcome: Outcome, _ arrival: Arrival?) {
        let ended: CallResult.Outcome
        var earlier: [EarlierAttempt] = []
        if sessions[id]?.earlier.isEmpty == false, let kept = sessions[id]?.earlier[call] {
            earlier = kept.told(before: arrival)
            sessions[id]?.earlier[call] = earlier
        }
        switch outcome {
        case .success(let success):
            guard let value = success.value else { return }
            ended = .value(value)
        case .failure(var failure):
            failure.attempt = earlier.count(with: arrival, failure)
            ended = .failure(failure)
        }
        sessions[id]?.end(call, ended, arrival?.usage ?? Usage(), &catalog)
        outbox.changed.append(id)
        outbox.restless.append(id)
    }

    /// Calls that no worker has end at once; the others when the scheduler has taken them back.
    mutating func cancelCalls(_ id: RunID, _ calls: [CallID], at now: Instant) {
        let running = sessions[id]?.cancel(calls, &catalog) ?? []
        outbox.changed.append(id)
        if !running.isEmpty { feed([.tasksCancelled(running)], at: now) }
    }

    mutating func cancelSession(_ id: RunID, at now: Instant) {
        cancelCalls(id, sessions[id]?.queued.keys.sorted() ?? [], at: now)
    }

    mutating func closeSession(_ id: RunID, at now: Instant) {
        guard let session = sessions.removeValue(forKey: id) else { return }
        for queued in session.queued.values {
            queued.call.forEachReference { catalog.endUse($0) }
            if let task = queued.task {
                tasks[task] = nil
                tallies.taskEnded(queued.call.executor, .cancelled)
            }
        }
        tell(
            .runEnded(
                EndedRun(
                    run: id, name: session.name, isSession: true, state: nil, succeeded: session.succeeded,
                    failed: session.failed, skipped: 0, milliseconds: now.since(session.started) / 1000, message: "")))
        for result in session.results { result.outcome.forEachReference { catalog.endUse($0) } }
        clients[session.client]?.runs.remove(id)
        outbox.changed.remove(id)
        outbox.restless.remove(id)
        feed([.runCancelled(id), .runClosed(id)], at: now)
    }
}
