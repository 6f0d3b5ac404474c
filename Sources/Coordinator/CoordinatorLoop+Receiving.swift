import AnabranchCore
import Scheduling
import Wire

extension CoordinatorLoop {
    /// Messages taken from one socket before the engine gets to decide.
    private static let bound = 1024

    func receiveInbox() throws(WireError) {
        for _ in 0..<Self.bound {
            guard try sockets.inbox.receive(into: frame) else { return }
            do throws(WireError) {
                let batch = try frame.withUnsafeBytes { bytes throws(WireError) in try ResultBatch(decoding: bytes) }
                events.append(.workerReported(batch))
            } catch {
                drop(error, from: "the inbox")
            }
        }
    }

    func receiveControl() throws(WireError) {
        for _ in 0..<Self.bound {
            guard let name = try sockets.control.receive(withPrefix: prefix, into: frame) else { return }
            countMalformed()
            do throws(WireError) {
                let message = try frame.withUnsafeBytes { bytes throws(WireError) in try ToCoordinator(decoding: bytes)
                }
                events.append(Self.event(connections.number(of: name), message))
            } catch {
                drop(error, from: "a control connection")
                if case .version = error {
                    let refusal = ControlError(code: .versionMismatch, message: error.description)
                    try sockets.control.send(name, FromCoordinator(request: 0, body: .error(refusal)).encoded())
                }
            }
        }
    }

    /// Messages of a wrong number of frames were dropped by the sockets themselves.
    func countMalformed() {
        let total = sockets.control.malformedMessages + sockets.inbox.malformedMessages
        while malformedMessages < total {
            malformedMessages += 1
            events.append(.messageDropped)
        }
    }

    func watchLane(_ worker: WorkerID) throws(WireError) {
        while let event = try lanes[worker]?.monitor.next() {
            switch event {
            case .connected: events.append(.workerConnected(worker))
            case .disconnected: events.append(.workerDisconnected(worker))
            }
        }
    }

    private func drop(_ error: WireError, from place: String) {
        events.append(.messageDropped)
        logger.debug("dropped a message from \(place)", metadata: ["error": "\(error)"])
    }

    private static func event(_ client: ClientID, _ message: ToCoordinator) -> EngineEvent {
        let request = message.request
        return switch message.body {
        case .workerHello(let hello): .workerHello(client, request: request, hello)
        case .workerGoodbye(let worker): .workerGoodbye(worker)
        case .clientHello(let hello):
            .clientHello(
                client, request: request,
                ClientIntroduction(versions: hello.versions, writer: hello.writer, name: hello.name))
        default: .requested(client, request: request, Self.request(message.body))
        }
    }

    private static func request(_ body: ToCoordinator.Body) -> ClientRequest {
        switch body {
        case .submitRun(let submitted): .submitRun(submitted)
        case .openSession(let name): .openSession(name: name)
        case .submitCalls(let submitted): .submitCalls(submitted.run, submitted.calls)
        case .cancelRun(let run): .cancelRun(run)
        case .cancelCalls(let run, let calls): .cancelCalls(run, calls)
        case .closeRun(let run): .closeRun(run)
        case .watchRun(let run): .watchRun(run)
        case .releaseObjects(let objects): .releaseObjects(objects)
        case .holdObjects(let references): .holdObjects(references)
        case .status(let run): .status(run)
        case .drainWorker(let worker): .drainWorker(worker)
        case .logs(let request): .logs(request.run, node: request.node)
        case .shutdown: .shutdown
        case .workerHello, .workerGoodbye, .clientHello:
            preconditionFailure("a hello is no request")
        }
    }
}
