import AnabranchCore
import CMessages

extension Event: TopLevelMessage {
    static let name: StaticString = "Event"
    static let limit = MessageLimit.data

    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Event>) {
        anabranch__v1__event__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__Event>) throws(WireError) {
        try Event.check(protocolVersion: message.pointee.protocol)
        let body: Body
        switch message.pointee.body_case {
        case ANABRANCH__V1__EVENT__BODY_RUN_UPDATE:
            body = .runUpdate(try Field.requiredMessage(message.pointee.run_update, "Event.run_update"))
        case ANABRANCH__V1__EVENT__BODY_WORKER:
            body = .worker(try Field.requiredMessage(message.pointee.worker, "Event.worker"))
        case ANABRANCH__V1__EVENT__BODY_LOG:
            body = .log(try Field.requiredMessage(message.pointee.log, "Event.log"))
        default:
            throw Field.invalid("Event.body", "is missing")
        }
        self.init(
            epoch: try Field.identifier(message.pointee.epoch, "Event.epoch"),
            unixMicroseconds: message.pointee.unix_us, body: body)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Event>, _ arena: borrowing Arena) {
        message.pointee.protocol = ProtocolVersion.current
        message.pointee.epoch = epoch.rawValue
        message.pointee.unix_us = unixMicroseconds
        switch body {
        case .runUpdate(let update):
            message.pointee.body_case = ANABRANCH__V1__EVENT__BODY_RUN_UPDATE
            message.pointee.run_update = arena.message(update)
        case .worker(let status):
            message.pointee.body_case = ANABRANCH__V1__EVENT__BODY_WORKER
            message.pointee.worker = arena.message(status)
        case .log(let line):
            message.pointee.body_case = ANABRANCH__V1__EVENT__BODY_LOG
            message.pointee.log = arena.message(line)
        }
    }
}
