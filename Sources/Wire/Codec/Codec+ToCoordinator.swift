import AnabranchCore
import CMessages

extension Arena {
    /// An initialised struct that has no value type of its own.
    func bare<CMessage>(_ initialize: (UnsafeMutablePointer<CMessage>) -> Void) -> UnsafeMutablePointer<CMessage> {
        let message = allocate(MemoryLayout<CMessage>.size).bindMemory(to: CMessage.self, capacity: 1)
        initialize(message)
        return message
    }
}

extension ToCoordinator: TopLevelMessage {
    static let name: StaticString = "ToCoordinator"
    static let limit = MessageLimit.control

    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__ToCoordinator>) {
        anabranch__v1__to_coordinator__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__ToCoordinator>) throws(WireError) {
        try ToCoordinator.check(protocolVersion: message.pointee.protocol)
        self.init(request: message.pointee.request, body: try Body(message))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__ToCoordinator>, _ arena: borrowing Arena) {
        message.pointee.protocol = ProtocolVersion.current
        message.pointee.request = request
        body.fill(message, arena)
    }
}

extension ToCoordinator.Body {
    fileprivate init(_ message: UnsafePointer<Anabranch__V1__ToCoordinator>) throws(WireError) {
        let body = message.pointee
        switch body.body_case {
        case ANABRANCH__V1__TO_COORDINATOR__BODY_WORKER_HELLO:
            self = .workerHello(try Field.requiredMessage(body.worker_hello, "worker_hello"))
        case ANABRANCH__V1__TO_COORDINATOR__BODY_WORKER_GOODBYE:
            self = .workerGoodbye(
                try Field.identifier(body.worker_goodbye.pointee.worker, "WorkerGoodbye.worker"),
                instance: body.worker_goodbye.pointee.instance)
        case ANABRANCH__V1__TO_COORDINATOR__BODY_CLIENT_HELLO:
            self = .clientHello(try Field.requiredMessage(body.client_hello, "client_hello"))
        case ANABRANCH__V1__TO_COORDINATOR__BODY_SUBMIT_RUN:
            self = .submitRun(try Field.requiredMessage(body.submit_run, "submit_run"))
        case ANABRANCH__V1__TO_COORDINATOR__BODY_OPEN_SESSION:
            self = .openSession(name: try Field.text(body.open_session.pointee.name, "OpenSession.name"))
        case ANABRANCH__V1__TO_COORDINATOR__BODY_SUBMIT_CALLS:
            self = .submitCalls(try Field.requiredMessage(body.submit_calls, "submit_calls"))
        case ANABRANCH__V1__TO_COORDINATOR__BODY_CANCEL_RUN:
            self = .cancelRun(try Field.identifier(body.cancel_run.pointee.run, "CancelRun.run"))
        case ANABRANCH__V1__TO_COORDINATOR__BODY_CANCEL_CALLS:
            self = .cancelCalls(
                try Field.identifier(body.cancel_calls.pointee.run, "CancelCalls.run"),
                try Field.identifiers(
                    body.cancel_calls.pointee.n_calls, body.cancel_calls.pointee.calls, "CancelCalls.calls"))
        case ANABRANCH__V1__TO_COORDINATOR__BODY_CLOSE_RUN:
            self = .closeRun(try Field.identifier(body.close_run.pointee.run, "CloseRun.run"))
        case ANABRANCH__V1__TO_COORDINATOR__BODY_WATCH_RUN:
            self = .watchRun(try Field.identifier(body.watch_run.pointee.run, "WatchRun.run"))
        case ANABRANCH__V1__TO_COORDINATOR__BODY_DESCRIBE_RUN:
            self = .describeRun(try Field.identifier(body.describe_run.pointee.run, "DescribeRun.run"))
        case ANABRANCH__V1__TO_COORDINATOR__BODY_RELEASE_OBJECTS:
            self = .releaseObjects(
                try Field.messages(
                    body.release_objects.pointee.n_objects, body.release_objects.pointee.objects,
                    "ReleaseObjects.objects"))
        case ANABRANCH__V1__TO_COORDINATOR__BODY_HOLD_OBJECTS:
            self = .holdObjects(
                try Field.messages(
                    body.hold_objects.pointee.n_objects, body.hold_objects.pointee.objects, "HoldObjects.objects"))
        case ANABRANCH__V1__TO_COORDINATOR__BODY_STATUS:
            self = .status(Field.optionalIdentifier(body.status.pointee.run))
        case ANABRANCH__V1__TO_COORDINATOR__BODY_DRAIN_WORKER:
            self = .drainWorker(try Field.identifier(body.drain_worker.pointee.worker, "DrainWorker.worker"))
        case ANABRANCH__V1__TO_COORDINATOR__BODY_LOGS:
            self = .logs(
                LogsRequest(
                    run: try Field.identifier(body.logs.pointee.run, "LogsRequest.run"),
                    node: try Field.text(body.logs.pointee.node, "LogsRequest.node")))
        case ANABRANCH__V1__TO_COORDINATOR__BODY_SHUTDOWN:
            self = .shutdown
        default:
            throw Field.invalid("ToCoordinator.body", "is missing")
        }
    }

    fileprivate func fill(_ message: UnsafeMutablePointer<Anabranch__V1__ToCoordinator>, _ arena: borrowing Arena) {
        switch self {
        case .workerHello(let hello):
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_WORKER_HELLO
            message.pointee.worker_hello = arena.message(hello)
        case .workerGoodbye(let worker, let instance):
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_WORKER_GOODBYE
            message.pointee.worker_goodbye = arena.bare { anabranch__v1__worker_goodbye__init($0) }
            message.pointee.worker_goodbye.pointee.worker = worker.rawValue
            message.pointee.worker_goodbye.pointee.instance = instance
        case .clientHello(let hello):
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_CLIENT_HELLO
            message.pointee.client_hello = arena.message(hello)
        case .submitRun(let submission):
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_SUBMIT_RUN
            message.pointee.submit_run = arena.message(submission)
        case .openSession(let name):
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_OPEN_SESSION
            message.pointee.open_session = arena.bare { anabranch__v1__open_session__init($0) }
            arena.set(&message.pointee.open_session.pointee.name, name)
        case .submitCalls(let calls):
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_SUBMIT_CALLS
            message.pointee.submit_calls = arena.message(calls)
        case .cancelRun(let run):
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_CANCEL_RUN
            message.pointee.cancel_run = arena.bare { anabranch__v1__cancel_run__init($0) }
            message.pointee.cancel_run.pointee.run = run.rawValue
        case .cancelCalls(let run, let calls):
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_CANCEL_CALLS
            let cancel = arena.bare { anabranch__v1__cancel_calls__init($0) }
            cancel.pointee.run = run.rawValue
            (cancel.pointee.n_calls, cancel.pointee.calls) = arena.list(calls.map(\.rawValue))
            message.pointee.cancel_calls = cancel
        case .closeRun(let run):
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_CLOSE_RUN
            message.pointee.close_run = arena.bare { anabranch__v1__close_run__init($0) }
            message.pointee.close_run.pointee.run = run.rawValue
        case .watchRun(let run):
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_WATCH_RUN
            message.pointee.watch_run = arena.bare { anabranch__v1__watch_run__init($0) }
            message.pointee.watch_run.pointee.run = run.rawValue
        case .describeRun(let run):
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_DESCRIBE_RUN
            message.pointee.describe_run = arena.bare { anabranch__v1__describe_run__init($0) }
            message.pointee.describe_run.pointee.run = run.rawValue
        case .releaseObjects(let objects):
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_RELEASE_OBJECTS
            let release = arena.bare { anabranch__v1__release_objects__init($0) }
            (release.pointee.n_objects, release.pointee.objects) = arena.list(objects)
            message.pointee.release_objects = release
        case .holdObjects(let objects):
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_HOLD_OBJECTS
            let hold = arena.bare { anabranch__v1__hold_objects__init($0) }
            (hold.pointee.n_objects, hold.pointee.objects) = arena.list(objects)
            message.pointee.hold_objects = hold
        case .status(let run):
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_STATUS
            message.pointee.status = arena.bare { anabranch__v1__status_request__init($0) }
            message.pointee.status.pointee.run = run?.rawValue ?? 0
        case .drainWorker(let worker):
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_DRAIN_WORKER
            message.pointee.drain_worker = arena.bare { anabranch__v1__drain_worker__init($0) }
            message.pointee.drain_worker.pointee.worker = worker.rawValue
        case .logs(let request):
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_LOGS
            message.pointee.logs = arena.bare { anabranch__v1__logs_request__init($0) }
            message.pointee.logs.pointee.run = request.run.rawValue
            arena.set(&message.pointee.logs.pointee.node, request.node)
        case .shutdown:
            message.pointee.body_case = ANABRANCH__V1__TO_COORDINATOR__BODY_SHUTDOWN
            message.pointee.shutdown = arena.bare { anabranch__v1__shutdown__init($0) }
        }
    }
}
