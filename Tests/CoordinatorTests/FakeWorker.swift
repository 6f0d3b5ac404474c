import AnabranchCore
import Foundation
import Wire

/// A worker without processes: answers each task with what `answer` says, on the test's own thread.
final class FakeWorker {
    let peer: Peer
    let lane: Socket
    private let inbox: Socket
    private let frame = FrameKeeper()
    let welcome: WorkerWelcome
    let writer: WriterID
    let instance: UInt64
    var drained = false
    var received: [TaskAssignment] = []
    private var sequence: UInt64 = 0

    init(_ address: String, store: String, identity: String, instance: UInt64) throws {
        peer = try Peer(address)
        lane = try Socket(peer.context, .pull)
        try lane.bind("ipc://\(store)/lane-\(instance).sock")
        writer = WriterID(0xF0 + instance)
        self.instance = instance
        let hello = WorkerHello(
            instance: instance, lane: try lane.boundEndpoint(), slots: 2, host: "here", processID: 1, store: store,
            storeIdentity: identity, executors: ["python", "native"], versions: Versions(anabranch: "1.0"))
        guard case .workerWelcome(let welcome) = try peer.ask(.workerHello(hello)) else {
            throw Peer.Silence.nothingCame
        }
        self.welcome = welcome
        inbox = try Socket(peer.context, .push)
        try inbox.connect(welcome.inbox)
    }

    /// Takes batches until `count` tasks are there, or it is told to drain.
    func take(_ count: Int) throws {
        var poller = Poller<Int>()
        poller.watch(lane, as: 0)
        while received.count < count && !drained {
            if try poller.wait(milliseconds: 20_000).isEmpty { throw Peer.Silence.nothingCame }
            while try lane.receive(into: frame.frame) {
                let batch = try frame.frame.withUnsafeBytes { bytes throws(WireError) in try TaskBatch(decoding: bytes)
                }
                received += batch.tasks
                drained = drained || batch.drain
            }
        }
    }

    /// Answers everything that it has taken.
    func answerAll() throws {
        let results = received.map { TaskResult(attempt: $0.attempt, outcome: .success(success(for: $0))) }
        received = []
        try inbox.send(ResultBatch(epoch: welcome.epoch, worker: welcome.worker, results: results).encoded())
    }

    private func success(for task: TaskAssignment) -> Success {
        switch task.work {
        case .fit(let work): Success(model: object(), output: work.output ? Data(x: View(object: object())) : nil)
        case .call, .native: Success(value: object())
        default: Success(output: Data(x: View(object: object())), scores: [Score(name: "score", value: 1)])
        }
    }

    private func object() -> ObjectRef {
        sequence += 1
        return ObjectRef(
            id: ObjectID(writer: writer, sequence: sequence), encoding: .pickle5, length: 1, location: .inline([7]))
    }

    /// Ends without a word.
    func die() {
        lane.close()
        inbox.close()
        peer.close()
    }
}
