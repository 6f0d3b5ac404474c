import AnabranchCore
import PipelineGraph

extension Engine {
    mutating func clientHello(_ client: ClientID, _ request: UInt64, _ introduction: ClientIntroduction) {
        if isShuttingDown { return refuse(client, request, .shuttingDown, "the coordinator is shutting down") }
        if let message = VersionCheck.refusal(of: introduction.versions, "client", by: configuration.versions) {
            return refuse(client, request, .versionMismatch, message)
        }
        if !clients.contains(client) {
            clients[client] = ClientRecord(introduction: introduction)
            tell(.clientJoined(client, name: introduction.name))
        }
        if let writer = introduction.writer { catalog.writerOpened(writer, owner: .client(client)) }
        reply(client, request, .clientWelcome)
    }

    /// Its sessions and runs end, but for those that it detached; what it held is given back once its process has ended.
    mutating func clientVanished(_ client: ClientID, at now: Instant) {
        guard let record = clients.removeValue(forKey: client) else { return }
        tell(.clientLeft(client, name: record.introduction.name))
        for run in runs.keys { runs[run]?.watchers[client] = nil }
        for run in record.runs.sorted() {
            if runs[run]?.isDetached == true {
                runs[run]?.client = nil
            } else {
                closeRun(run, by: client, at: now)
            }
        }
        catalog.clientLeft(client)
    }

    /// Clients that write nothing have no lock that could be tried; the shell sends them something small now and then.
    public var clientsWithoutWriter: [ClientID] {
        clients.keys.filter { clients[$0]?.introduction.writer == nil }.sorted()
    }

    /// The client that was welcomed with this writer; nil once it has vanished.
    public func client(writing writer: WriterID) -> ClientID? {
        guard case .client(let client) = catalog.owner(of: writer), isWelcomed(client) else { return nil }
        return client
    }

    public func isWelcomed(_ client: ClientID) -> Bool { clients.contains(client) }

    mutating func requested(_ client: ClientID, _ request: UInt64, _ body: ClientRequest, at now: Instant) {
        guard clients.contains(client) else {
            return refuse(
                client, request, .notWelcomed, "say hello first; this connection is not known to the coordinator")
        }
        switch body {
        case .submitRun(let submitted): submitRun(client, request, submitted, at: now)
        case .openSession(let name): openSession(client, request, name, at: now)
        case .submitCalls(let run, let calls):
            guard sessions[run]?.client == client else { return refuseRun(client, request, run) }
            submitCalls(run, calls, at: now)
        case .cancelCalls(let run, let calls):
            guard sessions[run]?.client == client else { return refuseRun(client, request, run) }
            cancelCalls(run, calls, at: now)
            reply(client, request, .ok)
        case .cancelRun(let run):
            guard knows(run) else { return refuseRun(client, request, run) }
            cancelRun(run, at: now)
            reply(client, request, .ok)
        case .closeRun(let run):
            // A session is its client's; anyone may cancel it, and only its client gives its results up.
            guard knows(run), sessions[run].map({ $0.client == client }) ?? true else {
                return refuseRun(client, request, run)
            }
            closeRun(run, by: client, at: now)
            reply(client, request, .ok)
        case .watchRun(let run):
            guard runs.contains(run) else { return refuseRun(client, request, run) }
            runs[run]?.watchers[client] = 0
            runs[run]?.pushed = nil
            outbox.changed.append(run)
            reply(client, request, .ok)
        case .describeRun(let run):
            guard let submitted = runs[run]?.request else { return refuseRun(client, request, run) }
            submitted.graph.forEachPayload { reference, _ in catalog.hold(reference, by: client) }
            reply(
                client, request,
                .runDescription(RunDescription(graph: submitted.graph, mode: submitted.options.mode)))
        case .releaseObjects(let objects):
            for object in objects { catalog.release(object, by: client) }
        case .holdObjects(let references): hold(references, by: client)
        case .status(let run):
            if let run, !knows(run) { return refuseRun(client, request, run) }
            reply(client, request, .status(status(of: run, at: now)))
        case .drainWorker(let worker):
            guard workers.contains(worker) else {
                return refuse(client, request, .unknownWorker, "there is no worker \(worker); see anabranch status")
            }
            drainWorker(worker, at: now)
            reply(client, request, .ok)
        case .logs(let run, let node):
            guard let logs = runs[run]?.logs ?? sessions[run]?.logs else { return refuseRun(client, request, run) }
            if let complaint = complaint(aboutLogsOf: node, in: run) {
                return refuse(client, request, .invalidRequest, complaint, node: node)
            }
            reply(client, request, .logs(logs.lines(of: node)))
        case .shutdown:
            reply(client, request, .ok)
            shutDown(at: now)
        }
    }

    private func knows(_ run: RunID) -> Bool { runs.contains(run) || sessions.contains(run) }

    /// Nil when tasks of that name may have written something, or of any.
    private func complaint(aboutLogsOf node: String, in run: RunID) -> String? {
        if node.isEmpty { return nil }
        guard let record = runs[run] else { return "run \(run) is of calls, which have no nodes: ask for all its logs" }
        // The plan has nodes of its own besides: the run's splitter.
        let names = Set(record.plan.nodes.indices.map { record.name(of: PlanNodeIndex(UInt32($0))) })
        if names.contains(node) { return nil }
        return "run \(run) has no node \(node): it has \(names.sorted().joined(separator: ", "))"
    }

    private mutating func refuseRun(_ client: ClientID, _ request: UInt64, _ run: RunID) {
        refuse(
            client, request, .unknownRun,
            "there is no run \(run), or its results have been given up; see anabranch status")
    }

    private mutating func hold(_ references: [ObjectRef], by client: ClientID) {
        for reference in references {
            if catalog.mayMention(reference, by: .client(client)) {
                catalog.hold(reference, by: client)
            } else {
                dropped += 1
            }
        }
    }

    /// Cancels all, drains all, and asks the shell to end once the workers have left.
    mutating func shutDown(at now: Instant) {
        guard !isShuttingDown else { return }
        isShuttingDown = true
        for run in runs.keys.sorted() { stopRun(run, .cancelled, "the coordinator is shutting down", at: now) }
        for session in sessions.keys.sorted() { cancelSession(session, at: now) }
        for worker in workers.keys { drainWorker(worker, at: now) }
        outbox.effects.append(.shutDown)
    }

    /// Nobody is left who could still be told or heard.
    public var isDeserted: Bool {
        workers.values.allSatisfy { worker in
            worker.state == .lost || worker.isSilent || !worker.isReached && unreached[worker.id] == nil
        }
    }
}
