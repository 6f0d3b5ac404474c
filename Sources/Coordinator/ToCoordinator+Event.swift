import AnabranchCore
import Scheduling
import Wire

extension ToCoordinator {
    /// What the engine is told of it.
    package func event(from client: ClientID) -> EngineEvent {
        switch body {
        case .workerHello(let hello): .workerHello(client, request: request, hello)
        case .workerGoodbye(let worker, let instance): .workerGoodbye(worker, instance: instance)
        case .clientHello(let hello):
            .clientHello(
                client, request: request,
                ClientIntroduction(versions: hello.versions, writer: hello.writer, name: hello.name))
        default: .requested(client, request: request, Self.request(body))
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
        case .describeRun(let run): .describeRun(run)
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
