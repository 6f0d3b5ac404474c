import AnabranchCore
import PipelineGraph

extension Engine {
    mutating func submitRun(_ client: ClientID, _ request: UInt64, _ submitted: SubmitRun, at now: Instant) {
        if let refusal = refusalToWork(for: client) { return reply(client, request, .error(refusal)) }
        var foreign: (ObjectRef, String)?
        submitted.request.forEachReference { reference, node in
            if foreign == nil, !catalog.mayMention(reference, by: .client(client)) { foreign = (reference, node) }
        }
        if let (reference, node) = foreign {
            return refuse(
                client, request, .invalidRequest,
                "object \(reference.id) of \(node.isEmpty ? "the run's options" : "node \(node)") is not in the store any "
                    + "more; hold what you submit until the run has been accepted", node: node)
        }
        let plan: Plan
        do {
            plan = try Plan.lowering(submitted.request)
        } catch {
            return refuse(client, request, .invalidGraph, "\(error)", node: error.node ?? "")
        }
        let id = makeRunID()
        var record = RunRecord(
            id: id, client: client, isDetached: submitted.detached, request: submitted.request, plan: plan,
            planner: Planner(plan: plan), started: now)
        record.watchers[client] = 0
        record.start(&catalog)
        runs[id] = record
        clients[client]?.runs.insert(id)
        outbox.changed.append(id)
        reply(client, request, .runAccepted(id))
        tell(.runAccepted(id, name: runs[id]?.title ?? "", client: client, isSession: false))
        // A plan without firings is through before it begins.
        if !finishIfCompleted(id, at: now) { feed([.runOpened(id)], at: now) }
    }

    /// Nil when this client may open a run or a session now.
    func refusalToWork(for client: ClientID) -> ControlError? {
        if isShuttingDown { return ControlError(code: .shuttingDown, message: "the coordinator is shutting down") }
        guard let introduction = clients[client]?.introduction else { return nil }
        for worker in workers.values where worker.state == .active {
            let name = "worker \(worker.id) on \(worker.hello.host)"
            let versions = worker.hello.versions
            if let message = VersionCheck.mismatch(introduction.versions, "this client", versions, name) {
                return ControlError(code: .versionMismatch, message: message)
            }
        }
        return nil
    }

    mutating func cancelRun(_ id: RunID, at now: Instant) {
        if sessions.contains(id) { return cancelSession(id, at: now) }
        stopRun(id, .cancelled, "the run was cancelled", at: now)
    }

    /// Ends a run that is under way with a state of its own.
    mutating func stopRun(_ id: RunID, _ end: PipelineGraph.RunState, _ message: String, at now: Instant) {
        guard runs[id]?.state == .running else { return }
        noteCancelled(firingsOf: id)
        for task in runs[id]?.stop(end, message, at: now, &catalog) ?? [] { tasks[task] = nil }
        noteRunEnded(id, at: now)
        outbox.changed.append(id)
        feed([.runCancelled(id), .runClosed(id)], at: now)
    }

    /// The plan is through: the run has its results. The scheduler is to be told when this answers true.
    mutating func finishIfCompleted(_ id: RunID, at now: Instant) -> Bool {
        guard let record = runs[id], record.state == .running, record.planner.isCompleted else { return false }
        for task in record.recovery.tasks { tasks[task] = nil }
        runs[id]?.finish(record.failures > 0 ? .failed : .succeeded, at: now, &catalog)
        noteRunEnded(id, at: now)
        outbox.changed.append(id)
        return true
    }

    /// Gives up a run's results. One that is under way is cancelled first. Who closes it is told of nothing more.
    mutating func closeRun(_ id: RunID, by client: ClientID, at now: Instant) {
        if sessions.contains(id) { return closeSession(id, at: now) }
        guard runs.contains(id) else { return }
        runs[id]?.watchers[client] = nil
        stopRun(id, .cancelled, "the run was closed", at: now)
        pushRun(id, at: now)
        runs[id]?.discardResults(&catalog)
        if let client = runs[id]?.client { clients[client]?.runs.remove(id) }
        runs[id] = nil
        outbox.changed.remove(id)
        outbox.restless.remove(id)
    }
}
