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
        try lane.bind(socketFile.utf8.count <= Self.longestSocketPath ? "ipc://\(socketFile)" : "tcp://127.0.0.1:*")
        laneEndpoint = try lane.boundEndpoint()
        control = try Socket(context, .dealer)
        try control.set(.maxMessageSize(MessageLimit.control))
        try control.connect(configuration.address)
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
            store: store, storeIdentity: identity, executors: ["python", "native"],
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
        case refused(String)
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
            case .error(let error): answers.append(.refused(error.message))
            default: unreadMessages += 1
            }
        }
        return answers
    }

    private func accept(_ new: WorkerWelcome) throws -> Answer {
        let isNew = new.epoch != welcome?.epoch
        if new.inbox != welcome?.inbox {
            let inbox = try Socket(context, .push)
            try inbox.set(.sendHighWaterMark(0))
            // Last results leave before the process does.
            try inbox.set(.linger(1_000))
            try inbox.connect(new.inbox)
            self.inbox = inbox
        }
        let replaced = welcome != nil && isNew
        if isNew { lastBatch = 0 }
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
        try control.send(ToCoordinator(request: request, body: .workerGoodbye(welcome.worker)).encoded())
    }
}

/// A frame that a class can keep, with decoding.
final class FrameHolder {
    let frame = Frame()

    func decode<Message: WireMessage>(_ type: Message.Type) -> Message? {
        frame.withUnsafeBytes { try? Message(decoding: $0) }
    }
}
