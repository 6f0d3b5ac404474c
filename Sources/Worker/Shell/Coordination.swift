import AnabranchCore
import Foundation
import ObjectStore
import Wire

/// The worker's side of the conversation with its coordinator: hello, lane, inbox.
///
/// Used by the worker's loop thread only.
final class Coordination {
    static let helloInterval: UInt64 = 500_000
    /// What the system takes as the name of a socket (`sun_path`), without its end.
    private static let longestSocketPath = 107
    /// A worker that has been welcomed says hello this often, which finds a coordinator that was restarted.
    static let renewalInterval: UInt64 = 5_000_000

    let context: ZMQContext
    let control: Socket
    /// Of the control socket; to be watched for reading.
    let connection: SocketMonitor
    /// What stood in the way of a connection last; nil when one stands.
    private(set) var obstacle: HandshakeFailure?
    let lane: Socket
    private var inbox: Socket?
    private(set) var welcome: WorkerWelcome?
    private let instance = UInt64.random(in: 1...UInt64.max)
    private let configuration: WorkerConfiguration
    private let laneEndpoint: String
    private let identity: String
    let store: String
    /// Somebody held the store when this worker began.
    private let storeHadOwner: Bool
    let host: String
    private var request: UInt64 = 0
    private var nextHello = Moment(microseconds: 0)
    /// When the first of the hellos went that have had no answer.
    private var unansweredSince: Moment?
    private let frame = FrameHolder()
    private var unreadMessages: UInt64 = 0
    /// Number of the batch of this epoch that came last.
    private(set) var lastBatch: UInt64 = 0
    /// What did not decode, had frames too many, or was of another epoch.
    var droppedMessages: UInt64 { unreadMessages + lane.malformedMessages + control.malformedMessages }

    init(_ configuration: WorkerConfiguration) throws {
        self.configuration = configuration
        guard let store = configuration.storePath else { throw WorkerFailure.noStore(address: configuration.address) }
        self.store = store
        storeHadOwner = StoreDirectory.hasOwner(store)
        identity = ((try? String(contentsOfFile: "\(store)/identity", encoding: .utf8)) ?? "")
            .trimmingCharacters(in: .whitespacesAndNewlines)
        host = ProcessInfo.processInfo.hostName
        context = try ZMQContext()
        lane = try Socket(context, .pull)
        try lane.set(.maxMessageSize(MessageLimit.data))
        try lane.set(.receiveHighWaterMark(0))
        // Whoever sees the store can reach a socket in it, from another container too; nobody else needs to.
        let socketFile = "\(store)/lane-\(String(instance, radix: 16)).sock"
        let inStore = socketFile.utf8.count <= Self.longestSocketPath ? "ipc://\(socketFile)" : "tcp://127.0.0.1:*"
        laneEndpoint = try Self.bind(lane, to: configuration.lane ?? inStore, configuration, host: host)
        control = try Socket(context, .dealer)
        try control.set(.maxMessageSize(MessageLimit.control))
        if let keys = configuration.keysOfAddress { try control.secure(as: keys.role) }
        connection = try SocketMonitor(of: control, in: context)
        try control.connect(configuration.address)
    }

    /// - Returns: The lane's endpoint as the coordinator is told it.
    private static func bind(
        _ lane: Socket, to text: String, _ configuration: WorkerConfiguration, host: String
    ) throws -> String {
        guard let endpoint = Endpoint(text) else {
            throw WorkerFailure.laneUnusable(endpoint: text, reason: "write tcp://HOST:PORT or ipc://PATH")
        }
        guard endpoint.isLocal || configuration.keys != nil || configuration.allowInsecure else {
            throw WorkerFailure.laneUnusable(
                endpoint: text,
                reason:
                    "other machines can reach it, and whoever does can run code here; give the worker a key (--key), bind "
                    + "127.0.0.1, or say --insecure if the network is yours alone")
        }
        // Not the server of the handshake though it is bound: the coordinator is, towards all of its peers.
        if endpoint.isTCP, let keys = configuration.keys { try lane.secure(as: keys.role) }
        do throws(WireError) {
            try lane.bind(text)
        } catch {
            guard case .zmq(_, let reason, _) = error else { throw error }
            throw WorkerFailure.laneUnusable(endpoint: text, reason: "cannot be bound: \(reason)")
        }
        return Endpoint.advertised(try lane.boundEndpoint(), as: configuration.advertisedHost ?? host)
    }

    deinit {
        lane.close()
        if laneEndpoint.hasPrefix("ipc://") { unlink(String(laneEndpoint.dropFirst("ipc://".count))) }
    }

    // MARK: - Hello

    /// Says hello when it is time to; returns when it is time again.
    func greet(at now: Moment, writers: [WriterID]) throws -> Moment {
        if now < nextHello { return nextHello }
        request += 1
        let hello = WorkerHello(
            instance: instance, lane: laneEndpoint, slots: UInt32(configuration.slots),
            threadsPerSlot: UInt32(clamping: configuration.threads), host: host, processID: UInt32(getpid()),
            store: store, storeIdentity: identity, hasOwnStore: configuration.hasOwnStore,
            executors: configuration.executors,
            labels: configuration.labels, versions: Versions(anabranch: configuration.version), writers: writers,
            worker: welcome?.worker)
        try control.send(ToCoordinator(request: request, body: .workerHello(hello)).encoded())
        if unansweredSince == nil { unansweredSince = now }
        let interval = welcome == nil ? Self.helloInterval : Self.renewalInterval
        nextHello = now.advanced(byMicroseconds: interval)
        return nextHello
    }

    /// The coordinator's process is gone, however it ended: nobody holds its store any more.
    var isStoreAbandoned: Bool { storeHadOwner && !StoreDirectory.hasOwner(store) }

    /// Microseconds for which the coordinator has owed an answer.
    func silence(at now: Moment) -> UInt64 { unansweredSince.map { now.microseconds(since: $0) } ?? 0 }

    enum Answer {
        case welcomed(newEpoch: Bool)
        case refused(ControlError)
    }

    /// Reads what the coordinator says on the control socket.
    func readControl() throws -> [Answer] {
        var answers: [Answer] = []
        while try control.receive(into: frame.frame) {
            guard let message = frame.decode(FromCoordinator.self) else {
                unreadMessages += 1
                continue
            }
            unansweredSince = nil
            switch message.body {
            case .workerWelcome(let welcome): answers.append(try accept(welcome))
            case .error(let error): answers.append(.refused(error))
            default: unreadMessages += 1
            }
        }
        return answers
    }

    /// Reads what has happened to the control connection.
    func readConnection() throws {
        while let event = try connection.next() {
            switch event {
            case .connected: obstacle = nil
            case .disconnected: break
            case .failed(let failure): obstacle = failure
            }
        }
    }

    /// That nobody has answered, and why as far as it was seen.
    func noAnswer(within seconds: Double) -> ConnectionFailure {
        .noAnswer(
            address: configuration.address, seconds: seconds, limit: configuration.welcomeLimit, obstacle,
            hasKeys: configuration.keysOfAddress != nil)
    }

    private func accept(_ new: WorkerWelcome) throws -> Answer {
        let isNew = new.epoch != welcome?.epoch
        let isRenamed = new.worker != welcome?.worker
        if new.inbox != welcome?.inbox {
            let inbox = try Socket(context, .push)
            try inbox.set(.sendHighWaterMark(0))
            // Last results leave before the process does.
            try inbox.set(.linger(1_000))
            if let keys = configuration.keys, Endpoint(new.inbox)?.isTCP == true { try inbox.secure(as: keys.role) }
            try inbox.connect(new.inbox)
            self.inbox = inbox
        }
        let replaced = welcome != nil && isNew
        // Batches are counted from 1 for each worker.
        if isNew || isRenamed { lastBatch = 0 }
        welcome = new
        return .welcomed(newEpoch: replaced)
    }

    // MARK: - Lane and inbox

    /// Reads all batches of this epoch.
    func readLane() throws -> [TaskBatch] {
        var batches: [TaskBatch] = []
        while try lane.receive(into: frame.frame) {
            guard let batch = frame.decode(TaskBatch.self), let welcome, batch.epoch == welcome.epoch,
                batch.worker == welcome.worker
            else {
                unreadMessages += 1
                continue
            }
            lastBatch = batch.number
            batches.append(batch)
        }
        return batches
    }

    func send(_ batch: ResultBatch) throws {
        for message in batch.pieces() { try inbox?.send(message) }
    }

    func sayGoodbye() throws {
        guard let welcome else { return }
        request += 1
        try control.set(.linger(1_000))
        let goodbye = ToCoordinator.Body.workerGoodbye(welcome.worker, instance: instance)
        try control.send(ToCoordinator(request: request, body: goodbye).encoded())
    }
}

/// A frame that a class can keep, with decoding.
final class FrameHolder {
    let frame = Frame()

    func decode<Message: WireMessage>(_ type: Message.Type) -> Message? {
        frame.withUnsafeBytes { try? Message(decoding: $0) }
    }
}
