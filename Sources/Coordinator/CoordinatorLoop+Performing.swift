import AnabranchCore
import Logging
import ObjectStore
import PipelineGraph
import Scheduling
import Wire

extension CoordinatorLoop {
    func perform(_ effect: EngineEffect, at now: Instant) throws(WireError) {
        switch effect {
        case .reply(let client, let request, let reply):
            try send(FromCoordinator(request: request, body: body(of: reply)), to: client)
        case .push(let client, .runUpdate(let update)):
            try send(FromCoordinator(request: 0, body: .runUpdate(update)), to: client)
        case .push(let client, .callResults(let results)):
            try send(FromCoordinator(request: 0, body: .callResults(results)), to: client)
        case .push(let client, .releaseObjects(let objects)):
            try send(FromCoordinator(request: 0, body: .releaseObjects(objects)), to: client)
        case .connectLane(let worker, let endpoint): try connect(worker, endpoint)
        case .laneUnreachable(let worker, let host, let endpoint):
            logger.warning(
                """
                worker \(worker) on \(host) gets no tasks: its lane cannot be reached at \(endpoint) from here; start it with \
                --advertise HOST (or --lane tcp://HOST:PORT) by which this machine can connect to it, and see that no \
                firewall is between
                """)
        case .send(let batch): try lanes[batch.worker]?.socket.send(carried(batch).encoded())
        case .disconnectLane(let worker):
            laneEvents.remove(worker)
            lanes.removeValue(forKey: worker)?.close(storePath: store.path)
        case .publishRun(let update): try publish(.runUpdate(update), on: "run.\(update.run)")
        case .publishWorker(let status):
            log(status)
            try publish(.worker(status), on: "workers")
        case .publishLog(let run, let log): try publish(.log(log), on: "log.\(run)")
        case .tell(let notice): log(notice, at: now)
        case .removeSegments(let writer, let keeping): remove(writer, keeping)
        case .shutDown: beginEnd(at: now)
        }
    }

    func send(_ message: FromCoordinator, to client: ClientID) throws(WireError) {
        guard let name = connections.name(of: client) else { return }
        if try !sockets.control.send(name, message.encoded()) {
            connections.forget(client)
            events.append(.clientVanished(client))
        }
    }

    private func body(of reply: EngineReply) -> FromCoordinator.Body {
        switch reply {
        case .error(let error): .error(error)
        case .ok: .ok
        case .workerWelcome(let worker):
            .workerWelcome(
                WorkerWelcome(
                    worker: worker, epoch: epoch, inbox: sockets.inboxEndpoint, store: store.path,
                    heartbeatMilliseconds: configuration.heartbeatMilliseconds,
                    leaseMilliseconds: configuration.leaseMilliseconds,
                    inlineThreshold: configuration.inlineThreshold, storeBudget: budget))
        case .clientWelcome:
            .clientWelcome(
                ClientWelcome(
                    epoch: epoch, store: store.path, storeIdentity: store.identity,
                    inlineThreshold: configuration.inlineThreshold, storeBudget: budget,
                    events: sockets.eventsEndpoint, versions: Versions(anabranch: configuration.version)))
        case .runAccepted(let run): .runAccepted(run)
        case .status(let status): .status(status)
        case .logs(let lines): .logs(lines)
        case .runDescription(let description): .runDescription(description)
        }
    }

    private func connect(_ worker: WorkerID, _ endpoint: String) throws(WireError) {
        do throws(WireError) {
            let lane = try Lane(to: endpoint, in: sockets.context, keys: configuration.keys)
            lanes[worker] = lane
            try laneEvents.insert(lane.monitor.events, as: worker)
            try watchLane(worker)
        } catch {
            // What it said of its lane is no endpoint.
            logger.warning("cannot reach a worker", metadata: ["worker": "\(worker)", "error": "\(error)"])
            events.append(.laneUnusable(worker))
        }
    }

    private func publish(_ body: Event.Body, on topic: String) throws(WireError) {
        let event = Event(epoch: epoch, unixMicroseconds: MonotonicClock.unixMicroseconds, body: body)
        try sockets.events.send(Array(topic.utf8), event.encoded())
    }

    private func remove(_ writer: WriterID, _ keeping: [UInt32]) {
        if keeping.isEmpty {
            store.removeSegments(of: writer)
        } else {
            let kept = Set(keeping)
            for segment in store.segments() where segment.writer == writer && !kept.contains(segment.number) {
                store.remove(segment)
            }
        }
    }
}
