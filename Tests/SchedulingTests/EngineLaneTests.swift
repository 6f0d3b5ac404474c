import AnabranchCore
import PipelineGraph
import Testing

@testable import Scheduling

/// Workers whose lanes do not stand, or not yet, and what may be said in their names.
@Suite struct EngineLaneTests {
    private let bench = EngineBench()
    private var graphs: EngineGraphs { EngineGraphs(bytes: bench.bytes, writer: WriterID(0xC1)) }

    @Test func nothingIsSentBeforeTheLaneStands() throws {
        bench.lanesStand = false
        let unreached = try #require(bench.addWorker(instance: 1))
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        #expect(bench.sent.isEmpty)
        bench.lanesStand = true
        let other = try #require(bench.addWorker(instance: 2))
        bench.work()
        #expect(bench.states[run]?.state == .succeeded)
        #expect(bench.entries[run]?.allSatisfy { $0.worker == nil || $0.worker == other } == true)
        #expect(bench.engine.workers[unreached]?.finished == 0)
    }

    @Test func aLaneThatDoesNotComeAboutIsSaidOnceAndMayStillCome() throws {
        bench.lanesStand = false
        let worker = try #require(bench.addWorker())
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        #expect(bench.unreachable.isEmpty && bench.engine.workers[worker]?.status.state == .lost)
        bench.now = max(bench.now, try #require(bench.engine.nextDeadline))
        bench.send(.tick)
        #expect(bench.unreachable == [worker: "ipc://lane-1"] && bench.told.isEmpty)
        #expect(bench.engine.unreached.isEmpty)
        bench.send(.workerConnected(worker))
        #expect(bench.told.last?.state == .active)
        bench.work()
        #expect(bench.states[run]?.state == .succeeded)
    }

    @Test func aWorkerThatIsToDrainBeforeItsLaneStandsGetsNothing() throws {
        bench.lanesStand = false
        let worker = try #require(bench.addWorker())
        let client = bench.addClient()
        bench.send(.requested(client, request: 3, .drainWorker(worker)))
        bench.send(.workerConnected(worker))
        #expect(bench.drains == [worker])
        _ = try #require(bench.submit(graphs.line(.fit), by: client))
        #expect(bench.sent.isEmpty)
    }

    @Test func oneThatIsGoneIsNotWarnedOf() throws {
        bench.lanesStand = false
        let worker = try #require(bench.addWorker())
        bench.send(.workerGoodbye(worker, instance: 1))
        #expect(bench.engine.unreached.isEmpty)
        bench.send(.workerConnected(worker))
        #expect(bench.told.last?.state == .left)
    }

    @Test func aGoodbyeOfAnotherInstanceEndsNobody() throws {
        let worker = try #require(bench.addWorker())
        bench.send(.workerGoodbye(worker, instance: 0x01D))
        #expect(bench.engine.workers[worker]?.state == .active && bench.engine.dropped == 1)
    }

    @Test func aLaneIsASocketOfAnotherProcess() {
        let hello = WorkerHello(
            instance: 1, lane: "inproc://zeromq.zap.01", slots: 1, host: "here", processID: 1, store: "/store",
            storeIdentity: "store", executors: ["python"], versions: EngineBench.versions)
        bench.send(.workerHello(ClientID(1001), request: 1, hello))
        guard case .error(let error) = bench.replies[ClientID(1001)]?.last else {
            Issue.record("not refused")
            return
        }
        #expect(error.code == .invalidRequest)
        #expect(error.message.contains("inproc://zeromq.zap.01"))
        #expect(bench.engine.workers.isEmpty)
    }
}
