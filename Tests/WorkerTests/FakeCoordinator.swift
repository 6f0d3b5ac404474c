import AnabranchCore
import Foundation
import Testing
import Wire

/// The coordinator's end of the sockets, for one worker under test. Used by the test's thread only.
final class FakeCoordinator {
    /// What the worker has said so far.
    struct Heard {
        var hellos: [WorkerHello] = []
        var results: [TaskID: TaskResult] = [:]
        var doubled: [TaskID] = []
        var logs: [SlotLog] = []
        var started: [Attempt] = []
        var opened: [WriterID] = []
        var closed: [WriterID] = []
        var heartbeats: [Heartbeat] = []
        var saidGoodbye = false
    }

    enum Token: Hashable, Sendable { case control, inbox }

    let directory: URL
    private(set) var heard = Heard()
    var epoch = Epoch(7)
    var heartbeatMilliseconds: UInt64 = 100
    /// What hellos are answered with instead of a welcome.
    var refusal: ControlError?
    /// Hellos get no answer.
    var isSilent = false

    private let context: ZMQContext
    private let control: Socket
    private let inbox: Socket
    private var lane: Socket?
    private var owner: Int32
    private var laneEndpoint = ""
    private var poller = Poller<Token>()
    private let prefix = FrameBox()
    private let frame = FrameBox()

    final class FrameBox {
        let frame = Frame()
    }

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(
            path: "anabranch-test-\(String(UInt64.random(in: 0 ... .max), radix: 16))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try "0123456789abcdef\n".write(to: directory.appending(path: "identity"), atomically: true, encoding: .utf8)
        owner = open(directory.appending(path: "owner.lock").path(), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        try #require(flock(owner, LOCK_EX | LOCK_NB) == 0)
        context = try ZMQContext()
        control = try Socket(context, .router)
        inbox = try Socket(context, .pull)
        try control.bind(address)
        try inbox.bind("ipc://\(directory.path())/inbox.sock")
        poller.watch(control, as: .control)
        poller.watch(inbox, as: .inbox)
    }

    deinit {
        endOwning()
        try? FileManager.default.removeItem(at: directory)
    }

    /// What the end of a coordinator's process does to its store, however it ends.
    func endOwning() {
        if owner >= 0 { close(owner) }
        owner = -1
    }

    var address: String { "ipc://\(directory.path())/control.sock" }

    func send(
        _ tasks: [TaskAssignment] = [], cancels: [Attempt] = [], drain: Bool = false, epoch: Epoch? = nil
    ) throws {
        let batch = TaskBatch(
            epoch: epoch ?? self.epoch, worker: WorkerID(1), tasks: tasks, cancels: cancels, drain: drain)
        try #require(try lane?.send(batch.encoded()) == true)
    }

    /// Bytes that no coordinator sends.
    func sendGarbage(_ bytes: [UInt8], _ second: [UInt8]? = nil) throws {
        if let second { try lane?.send(bytes, second) } else { try lane?.send(bytes) }
    }

    /// Listens until `condition` holds; fails the test when it does not within the time.
    func listen(
        seconds: Double = 20, until condition: (Heard) -> Bool, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let end = Date(timeIntervalSinceNow: seconds)
        while !condition(heard) {
            let left = end.timeIntervalSinceNow
            if left <= 0 {
                Issue.record("not within \(seconds) s; heard: \(heard)", sourceLocation: sourceLocation)
                throw CancellationError()
            }
            for token in try poller.wait(milliseconds: Int(left * 1000) + 1) {
                switch token {
                case .control: try readControl()
                case .inbox: try readInbox()
                }
            }
        }
    }

    /// Sends tasks and listens until each has been answered.
    @discardableResult
    func run(_ tasks: [TaskAssignment], sourceLocation: SourceLocation = #_sourceLocation) throws -> [TaskResult] {
        try send(tasks)
        try listen(
            until: { heard in tasks.allSatisfy { heard.results[$0.attempt.task] != nil } },
            sourceLocation: sourceLocation)
        return tasks.compactMap { heard.results[$0.attempt.task] }
    }

    private func readControl() throws {
        while let identity = try control.receive(withPrefix: prefix.frame, into: frame.frame) {
            let message = try frame.frame.withUnsafeBytes { try ToCoordinator(decoding: $0) }
            switch message.body {
            case .workerHello(let hello):
                heard.hellos.append(hello)
                if isSilent { continue }
                if let refusal {
                    try answer(identity, message.request, .error(refusal))
                    continue
                }
                if hello.lane != laneEndpoint {
                    laneEndpoint = hello.lane
                    let lane = try Socket(context, .push)
                    try lane.connect(hello.lane)
                    self.lane = lane
                }
                let welcome = WorkerWelcome(
                    worker: WorkerID(1), epoch: epoch, inbox: "ipc://\(directory.path())/inbox.sock",
                    store: directory.path(), heartbeatMilliseconds: heartbeatMilliseconds, leaseMilliseconds: 10_000,
                    inlineThreshold: 8192, storeBudget: 1 << 20)
                try answer(identity, message.request, .workerWelcome(welcome))
            case .workerGoodbye: heard.saidGoodbye = true
            default: Issue.record("a worker said \(message.body)")
            }
        }
    }

    private func answer(_ identity: [UInt8], _ request: UInt64, _ body: FromCoordinator.Body) throws {
        try control.send(identity, FromCoordinator(request: request, body: body).encoded())
    }

    private func readInbox() throws {
        while try inbox.receive(into: frame.frame) {
            let batch = try frame.frame.withUnsafeBytes { try ResultBatch(decoding: $0) }
            for result in batch.results where heard.results.updateValue(result, forKey: result.attempt.task) != nil {
                heard.doubled.append(result.attempt.task)
            }
            heard.logs += batch.logs
            heard.started += batch.started
            heard.opened += batch.writersOpened
            heard.closed += batch.writersClosed
            if let heartbeat = batch.heartbeat { heard.heartbeats.append(heartbeat) }
        }
    }
}
