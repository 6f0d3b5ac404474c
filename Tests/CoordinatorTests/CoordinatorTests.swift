import AnabranchCore
import Coordinator
import Foundation
import PipelineGraph
import Testing
import Wire
import anabranch_stress

@Suite(.timeLimit(.minutes(1))) struct CoordinatorTests {
    private func inline(_ sequence: UInt64) -> ObjectRef {
        ObjectRef(
            id: ObjectID(writer: WriterID(0xC1), sequence: sequence), encoding: .pickle5, length: 1,
            location: .inline([1]))
    }

    private func call(_ number: UInt64) -> Call {
        Call(id: CallID(number), function: .python(function: inline(1), arguments: inline(2)))
    }

    private func session(_ client: Peer) throws -> RunID {
        guard case .runAccepted(let run) = try client.ask(.openSession(name: "s")) else {
            throw Peer.Silence.nothingCame
        }
        return run
    }

    private func status(_ client: Peer) throws -> Status {
        guard case .status(let status) = try client.ask(.status(nil)) else { throw Peer.Silence.nothingCame }
        return status
    }

    private func worker(_ running: RunningCoordinator, _ welcome: ClientWelcome, _ instance: UInt64) throws
        -> FakeWorker
    {
        try FakeWorker(
            running.address, store: welcome.store, identity: welcome.storeIdentity, instance: instance)
    }

    @Test func aCallGoesToAWorkerAndBack() throws {
        let running = try RunningCoordinator()
        let client = try Peer(running.address)
        let welcome = try client.hello()
        let worker = try worker(running, welcome, 1)
        let run = try session(client)
        try client.send(.submitCalls(SubmitCalls(run: run, calls: [call(1), call(2)])))
        try worker.take(2)
        try worker.answerAll()
        var answered: [CallResult] = []
        while answered.count < 2 {
            let message = try client.next { if case .callResults = $0.body { true } else { false } }
            if case .callResults(let results) = message.body { answered += results.results }
        }
        #expect(Set(answered.map(\.call)) == [CallID(1), CallID(2)])
        #expect(running.stop())
    }

    @Test func twoHundredWorkersServeOneCoordinator() throws {
        let running = try RunningCoordinator()
        let client = try CrowdClient(running.address, version: "1.0")
        let crowd = try Crowd(200, address: running.address, store: client.welcome)
        try client.call(1_000)
        let answered = try crowd.end()
        #expect(answered.count == 200 && answered.reduce(0, +) == 1_000)
        #expect(running.stop())
    }

    @Test func aRunIsToldFromItsFirstEntryToItsEnd() throws {
        let running = try RunningCoordinator()
        let client = try Peer(running.address)
        let worker = try worker(running, try client.hello(), 1)
        let graph = Graph(
            name: "one", nodes: [Node(name: "tree", kind: .or, role: .predictor, payload: inline(1))], edges: [])
        let data = Data(x: View(object: inline(2)), y: View(object: inline(3)))
        let request = RunRequest(
            graph: graph, options: RunOptions(mode: .fit), inputs: [NodeIndex(0): [InputEntry(key: .empty, data: data)]]
        )
        guard case .runAccepted(let run) = try client.ask(.submitRun(SubmitRun(request: request))) else {
            Issue.record("refused")
            return
        }
        try worker.take(1)
        try worker.answerAll()
        let last = try client.next { if case .runUpdate(let update) = $0.body { update.state.isFinal } else { false } }
        guard case .runUpdate(let update) = last.body else { return }
        #expect(update.run == run && update.state == .succeeded)
        #expect(try status(client).runs.map(\.state) == [.succeeded])
        #expect(running.stop())
    }

    @Test func aLostWorkersTasksGoToAnother() throws {
        let running = try RunningCoordinator()
        let client = try Peer(running.address)
        let welcome = try client.hello()
        let first = try worker(running, welcome, 1)
        let run = try session(client)
        try client.send(.submitCalls(SubmitCalls(run: run, calls: [call(1)])))
        try first.take(1)
        first.die()
        let second = try worker(running, welcome, 2)
        try second.take(1)
        #expect(second.received.first?.attempt.number == 2)
        try second.answerAll()
        _ = try client.next { if case .callResults = $0.body { true } else { false } }
        #expect(running.stop())
    }

    @Test func whatDoesNotDecodeIsDroppedAndCounted() throws {
        let running = try RunningCoordinator()
        let client = try Peer(running.address)
        _ = try client.hello()
        for bytes in [[], [0xFF], [UInt8](repeating: 0x80, count: 300)] { try client.control.send(bytes) }
        try client.control.send([1], [2])
        #expect(try status(client).droppedMessages == 4)
        #expect(running.stop())
    }

    @Test func whoHasNotSaidHelloIsToldSo() throws {
        let running = try RunningCoordinator()
        let client = try Peer(running.address)
        guard case .error(let error) = try client.ask(.status(nil)) else {
            Issue.record("answered")
            return
        }
        #expect(error.code == .notWelcomed)
        #expect(running.stop())
    }

    @Test func aVanishedClientsSessionEnds() throws {
        let running = try RunningCoordinator()
        let watcher = try Peer(running.address)
        let welcome = try watcher.hello()
        let lock = open("\(welcome.store)/writer-00000000000000c1.lock", O_RDWR | O_CREAT, 0o600)
        #expect(flock(lock, LOCK_EX) == 0)
        let client = try Peer(running.address)
        _ = try client.hello(writer: WriterID(0xC1))
        _ = try session(client)
        #expect(try status(watcher).runs.count == 1)
        close(lock)
        client.close()
        var tries = 0
        while try !status(watcher).runs.isEmpty, tries < 200 {
            tries += 1
            usleep(50_000)
        }
        #expect(tries < 200)
        #expect(running.stop())
    }

    @Test func aClientsShutdownEndsEverything() throws {
        let running = try RunningCoordinator()
        let client = try Peer(running.address)
        let worker = try worker(running, try client.hello(), 1)
        guard case .ok = try client.ask(.shutdown) else {
            Issue.record("refused")
            return
        }
        try worker.take(1)
        #expect(worker.drained)
        try worker.peer.send(.workerGoodbye(worker.welcome.worker, instance: worker.instance))
        #expect(running.hasEnded())
    }

    @Test func theEmbeddingClientsEndEndsIt() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let running = try RunningCoordinator { $0.watchDescriptor = ends[0] }
        close(ends[1])
        #expect(running.hasEnded())
        close(ends[0])
    }

    @Test func aPortInUseIsNamedAndNothingIsLeft() throws {
        let running = try RunningCoordinator { $0.control = "tcp://127.0.0.1:*" }
        let root = try RunningCoordinator.makeRoot()
        var configuration = RunningCoordinator.configuration(root)
        configuration.control = running.address
        let error = #expect(throws: CoordinatorFailure.self) { _ = try Coordinator(configuration: configuration) }
        #expect(error?.description.contains(running.address) == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: root).isEmpty)
        try FileManager.default.removeItem(atPath: root)
        #expect(running.stop())
    }

    @Test(arguments: ["tcp://0.0.0.0:*", "tcp://*:7000", "tcp://10.1.2.3:7000"])
    func anOpenPortIsRefused(_ endpoint: String) throws {
        let root = try RunningCoordinator.makeRoot()
        var configuration = RunningCoordinator.configuration(root)
        configuration.control = endpoint
        let error = #expect(throws: CoordinatorFailure.self) { _ = try Coordinator(configuration: configuration) }
        #expect(error?.description.contains("--insecure") == true)
        try FileManager.default.removeItem(atPath: root)
    }
}
