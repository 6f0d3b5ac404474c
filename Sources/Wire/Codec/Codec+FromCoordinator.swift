import AnabranchCore
import CMessages

extension FromCoordinator: TopLevelMessage {
    static let name: StaticString = "FromCoordinator"
    static let limit = MessageLimit.control

    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__FromCoordinator>) {
        anabranch__v1__from_coordinator__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__FromCoordinator>) throws(WireError) {
        try FromCoordinator.check(protocolVersion: message.pointee.protocol)
        self.init(request: message.pointee.request, body: try Body(message))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__FromCoordinator>, _ arena: borrowing Arena) {
        message.pointee.protocol = ProtocolVersion.current
        message.pointee.request = request
        body.fill(message, arena)
    }
}

extension FromCoordinator.Body {
    fileprivate init(_ message: UnsafePointer<Anabranch__V1__FromCoordinator>) throws(WireError) {
        let body = message.pointee
        switch body.body_case {
        case ANABRANCH__V1__FROM_COORDINATOR__BODY_ERROR:
            self = .error(try Field.requiredMessage(body.error, "error"))
        case ANABRANCH__V1__FROM_COORDINATOR__BODY_OK:
            self = .ok
        case ANABRANCH__V1__FROM_COORDINATOR__BODY_WORKER_WELCOME:
            self = .workerWelcome(try Field.requiredMessage(body.worker_welcome, "worker_welcome"))
        case ANABRANCH__V1__FROM_COORDINATOR__BODY_CLIENT_WELCOME:
            self = .clientWelcome(try Field.requiredMessage(body.client_welcome, "client_welcome"))
        case ANABRANCH__V1__FROM_COORDINATOR__BODY_RUN_ACCEPTED:
            self = .runAccepted(try Field.identifier(body.run_accepted.pointee.run, "RunAccepted.run"))
        case ANABRANCH__V1__FROM_COORDINATOR__BODY_RUN_UPDATE:
            self = .runUpdate(try Field.requiredMessage(body.run_update, "run_update"))
        case ANABRANCH__V1__FROM_COORDINATOR__BODY_CALL_RESULTS:
            self = .callResults(try Field.requiredMessage(body.call_results, "call_results"))
        case ANABRANCH__V1__FROM_COORDINATOR__BODY_STATUS:
            self = .status(try Field.requiredMessage(body.status, "status"))
        case ANABRANCH__V1__FROM_COORDINATOR__BODY_LOGS:
            self = .logs(try Field.messages(body.logs.pointee.n_lines, body.logs.pointee.lines, "Logs.lines"))
        case ANABRANCH__V1__FROM_COORDINATOR__BODY_RELEASE_OBJECTS:
            self = .releaseObjects(
                try Field.messages(
                    body.release_objects.pointee.n_objects, body.release_objects.pointee.objects,
                    "ReleaseObjects.objects"))
        case ANABRANCH__V1__FROM_COORDINATOR__BODY_RUN_DESCRIPTION:
            self = .runDescription(try Field.requiredMessage(body.run_description, "run_description"))
        default:
            throw Field.invalid("FromCoordinator.body", "is missing")
        }
    }

    fileprivate func fill(_ message: UnsafeMutablePointer<Anabranch__V1__FromCoordinator>, _ arena: borrowing Arena) {
        switch self {
        case .error(let error):
            message.pointee.body_case = ANABRANCH__V1__FROM_COORDINATOR__BODY_ERROR
            message.pointee.error = arena.message(error)
        case .ok:
            message.pointee.body_case = ANABRANCH__V1__FROM_COORDINATOR__BODY_OK
            message.pointee.ok = arena.bare { anabranch__v1__ok__init($0) }
        case .workerWelcome(let welcome):
            message.pointee.body_case = ANABRANCH__V1__FROM_COORDINATOR__BODY_WORKER_WELCOME
            message.pointee.worker_welcome = arena.message(welcome)
        case .clientWelcome(let welcome):
            message.pointee.body_case = ANABRANCH__V1__FROM_COORDINATOR__BODY_CLIENT_WELCOME
            message.pointee.client_welcome = arena.message(welcome)
        case .runAccepted(let run):
            message.pointee.body_case = ANABRANCH__V1__FROM_COORDINATOR__BODY_RUN_ACCEPTED
            message.pointee.run_accepted = arena.bare { anabranch__v1__run_accepted__init($0) }
            message.pointee.run_accepted.pointee.run = run.rawValue
        case .runUpdate(let update):
            message.pointee.body_case = ANABRANCH__V1__FROM_COORDINATOR__BODY_RUN_UPDATE
            message.pointee.run_update = arena.message(update)
        case .callResults(let results):
            message.pointee.body_case = ANABRANCH__V1__FROM_COORDINATOR__BODY_CALL_RESULTS
            message.pointee.call_results = arena.message(results)
        case .status(let status):
            message.pointee.body_case = ANABRANCH__V1__FROM_COORDINATOR__BODY_STATUS
            message.pointee.status = arena.message(status)
        case .logs(let lines):
            message.pointee.body_case = ANABRANCH__V1__FROM_COORDINATOR__BODY_LOGS
            let logs = arena.bare { anabranch__v1__logs__init($0) }
            (logs.pointee.n_lines, logs.pointee.lines) = arena.list(lines)
            message.pointee.logs = logs
        case .releaseObjects(let objects):
            message.pointee.body_case = ANABRANCH__V1__FROM_COORDINATOR__BODY_RELEASE_OBJECTS
            let release = arena.bare { anabranch__v1__release_objects__init($0) }
            (release.pointee.n_objects, release.pointee.objects) = arena.list(objects)
            message.pointee.release_objects = release
        case .runDescription(let description):
            message.pointee.body_case = ANABRANCH__V1__FROM_COORDINATOR__BODY_RUN_DESCRIPTION
            message.pointee.run_description = arena.message(description)
        }
    }
}
