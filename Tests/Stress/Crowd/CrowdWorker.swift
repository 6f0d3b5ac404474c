import AnabranchCore
import Wire

/// A worker without processes: its slots answer as soon as they are asked. Used by one thread.
final class CrowdWorker {
    let lane: Socket
    let control: Socket
    private let inbox: Socket
    private var welcome: WorkerWelcome?
    private let writer: WriterID
    private let hello: WorkerHello
    private let keys: ClientKeys?
    private let frame = Frame()
    private var sequence: UInt64 = 0
    private(set) var answered = 0

    /// - Parameter address: The coordinator's control endpoint; the lane is on tcp if that is.
    init(_ number: UInt64, address: String, store: ClientWelcome, keys: ClientKeys?, in context: ZMQContext) throws {
        self.keys = keys
        lane = try Socket(context, .pull)
        control = try Socket(context, .dealer)
        inbox = try Socket(context, .push)
        let isTCP = Endpoint(address)?.isTCP == true
        if isTCP, let keys { for socket in [lane, control, inbox] { try socket.secure(as: keys.role) } }
        try lane.bind(isTCP ? "tcp://127.0.0.1:*" : "ipc://\(store.store)/lane-\(String(number, radix: 16)).sock")
        try control.connect(address)
        writer = WriterID(1 << 32 | number)
        hello = WorkerHello(
            instance: number, lane: try lane.boundEndpoint(), slots: 1, host: "simulated", processID: UInt32(number),
            store: store.store, storeIdentity: store.storeIdentity, executors: ["python", "native"],
            versions: store.versions)
        try control.send(ToCoordinator(request: 1, body: .workerHello(hello)).encoded())
    }

    var hasJoined: Bool { welcome != nil }

    /// - Throws: what the coordinator has against it, or a `WireError`.
    func readControl() throws {
        while try control.receive(into: frame) {
            let message = try frame.withUnsafeBytes { bytes throws(WireError) in try FromCoordinator(decoding: bytes) }
            switch message.body {
            case .workerWelcome(let new) where welcome == nil:
                try inbox.connect(new.inbox)
                welcome = new
            case .error(let error): throw error
            default: break
            }
        }
    }

    /// Answers all that has come, each task with a value.
    func readLane() throws {
        var results: [TaskResult] = []
        while try lane.receive(into: frame) {
            let batch = try frame.withUnsafeBytes { bytes throws(WireError) in try TaskBatch(decoding: bytes) }
            results += batch.tasks.map { TaskResult(attempt: $0.attempt, outcome: .success(Success(value: value()))) }
        }
        answered += results.count
        if !results.isEmpty { try say(results, heartbeat: nil) }
    }

    /// What keeps its lease.
    func beat() throws { try say([], heartbeat: Heartbeat(running: [], idleSlots: 1)) }

    private func say(_ results: [TaskResult], heartbeat: Heartbeat?) throws {
        guard let welcome else { return }
        try inbox.send(
            ResultBatch(epoch: welcome.epoch, worker: welcome.worker, results: results, heartbeat: heartbeat).encoded())
    }

    private func value() -> ObjectRef {
        sequence += 1
        return ObjectRef(
            id: ObjectID(writer: writer, sequence: sequence), encoding: .pickle5, length: 1, location: .inline([7]))
    }
}
