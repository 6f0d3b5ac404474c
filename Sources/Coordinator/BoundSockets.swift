import AnabranchCore
import Glibc
import Wire

/// The three sockets that a coordinator binds, and how others reach them.
struct BoundSockets {
    let context: ZMQContext
    let control: Socket
    let inbox: Socket
    let events: Socket
    /// Of a coordinator with keys.
    let authenticator: Authenticator?
    let controlEndpoint: String
    let inboxEndpoint: String
    let eventsEndpoint: String

    /// Connections that say nothing, or not enough, end after this. Milliseconds.
    private static let handshakePatience: Int32 = 10_000

    /// - Throws: `CoordinatorFailure`, naming the endpoint.
    init(_ configuration: CoordinatorConfiguration, storePath: String) throws {
        let context = try ZMQContext()
        self.context = context
        // First: where nobody can be asked, everybody is let in.
        authenticator = try configuration.keys.map { try Authenticator(context, allowed: $0.allowed) }
        control = try Socket(context, .router)
        try control.set(.maxMessageSize(MessageLimit.control))
        // Nothing waits but for a peer that is there, so that "not sent" means that it is gone.
        try control.set(.routerMandatory(true))
        try control.set(.sendHighWaterMark(0))
        try control.set(.receiveHighWaterMark(0))
        // Last answers leave before the process does.
        try control.set(.linger(250))
        inbox = try Socket(context, .pull)
        try inbox.set(.maxMessageSize(MessageLimit.data))
        try inbox.set(.receiveHighWaterMark(0))
        events = try Socket(context, .pub)

        let chosen = configuration.control ?? "ipc://\(storePath)/control.sock"
        let beside = Endpoint(chosen)?.host.map { "tcp://\($0):*" }
        // The system tells at once when a process behind an ipc endpoint has ended. A heartbeat would only take those for
        // dead that stand still (Ctrl-Z, a debugger, a laptop asleep), and their runs with them.
        if beside != nil { try control.set(.heartbeat(interval: 10_000, timeout: 120_000)) }
        for socket in [control, inbox, events] { try socket.set(.handshakePatience(Self.handshakePatience)) }
        let host = configuration.advertisedHost ?? Self.hostName
        let boundControl = try Self.bind(control, "control", chosen, configuration)
        let boundInbox = try Self.bind(
            inbox, "inbox", configuration.inbox ?? beside ?? "ipc://\(storePath)/inbox.sock", configuration)
        let boundEvents = try Self.bind(
            events, "events", configuration.events ?? beside ?? "ipc://\(storePath)/events.sock", configuration)
        controlEndpoint = Endpoint.advertised(boundControl, as: host)
        inboxEndpoint = Endpoint.advertised(boundInbox, as: host)
        eventsEndpoint = Endpoint.advertised(boundEvents, as: host)
    }

    /// - Returns: The endpoint with the port that the system chose.
    private static func bind(
        _ socket: Socket, _ what: String, _ text: String, _ configuration: CoordinatorConfiguration
    ) throws -> String {
        guard let endpoint = Endpoint(text) else { throw CoordinatorFailure.unknownEndpoint(what, endpoint: text) }
        guard endpoint.isLocal || configuration.keys != nil || configuration.allowInsecure else {
            throw CoordinatorFailure.insecure(what, endpoint: text)
        }
        if endpoint.isTCP, let keys = configuration.keys { try socket.secure(as: keys.role) }
        do throws(WireError) {
            try socket.bind(text)
        } catch {
            guard case .zmq(_, let reason, _) = error else { throw error }
            throw CoordinatorFailure.cannotBind(what, endpoint: text, reason: reason)
        }
        return try socket.boundEndpoint()
    }

    func close() {
        control.close()
        inbox.close()
        events.close()
        authenticator?.requests.close()
    }

    private static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
