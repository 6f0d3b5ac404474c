import AnabranchCore
import PipelineGraph
import Testing

@testable import Scheduling

@Suite struct EngineAheadTests {
    private let bench = EngineBench()

    /// Six calls of one function, each after the one before it; all but two go ahead once the first has been measured.
    private func submit() throws -> (client: ClientID, session: RunID) {
        let client = bench.addClient()
        bench.send(.requested(client, request: 2, .openSession(name: "calls")))
        guard case .runAccepted(let session) = bench.replies[client]?.last else {
            throw WorkError.missingPayload(node: "session")
        }
        let function = bench.bytes.write("f", by: WriterID(0xC1))
        let calls = (UInt64(1)...6).map { number in
            Call(
                id: CallID(number),
                function: .python(
                    function: function, arguments: bench.bytes.write("\(number)", by: WriterID(0xC1))),
                dependencies: number == 1 ? [] : [.call(CallID(number - 1))])
        }
        bench.send(.requested(client, request: 0, .submitCalls(session, calls)))
        return (client, session)
    }

    private func answerNext(_ worker: WorkerID) throws {
        let task = try #require(bench.queued[worker]?.first)
        bench.queued[worker]?.removeFirst()
        bench.report(worker, [bench.answer(task, by: worker)])
    }

    private func close(_ session: RunID, _ client: ClientID) {
        bench.send(.requested(client, request: 9, .closeRun(session)))
        bench.giveBack(client)
        bench.expectEmpty()
    }

    private func value(_ call: UInt64) -> String? {
        guard case .value(let value) = bench.results[CallID(call)]?.outcome else { return nil }
        return bench.bytes.read(value)
    }

    private let whole = "f(6;f(5;f(4;f(3;f(2;f(1;))))))"

    @Test func aChainOfShortCallsIsAtTheWorkerBeforeItsTurn() throws {
        let worker = try #require(bench.addWorker())
        let (client, session) = try submit()
        try answerNext(worker)
        let sent = try #require(bench.queued[worker])
        #expect(sent.map { $0.after?.attempt } == [nil] + sent.dropLast().map(\.attempt))
        #expect(sent.count == 5)
        bench.work()
        #expect(bench.sent.count == 6)
        #expect(value(6) == whole)
        close(session, client)
    }

    @Test func allAnswersMayComeTogether() throws {
        let worker = try #require(bench.addWorker())
        let (client, session) = try submit()
        try answerNext(worker)
        let results = try #require(bench.queued[worker]).map { bench.answer($0, by: worker) }
        bench.queued[worker] = []
        bench.report(worker, results)
        #expect(value(6) == whole)
        close(session, client)
    }

    @Test func aLostWorkersChainGoesOnElsewhere() throws {
        let first = try #require(bench.addWorker())
        let (client, session) = try submit()
        try answerNext(first)
        try answerNext(first)
        let second = try #require(bench.addWorker(instance: 2))
        bench.send(.workerDisconnected(first))
        bench.queued[first] = []
        while bench.queued[second]?.isEmpty == false { try answerNext(second) }
        #expect(value(6) == whole)
        // What the lost worker was lent is given back when its writer has ended.
        bench.send(.writersEnded([WriterID(0xF001)]))
        bench.send(.requested(client, request: 9, .closeRun(session)))
        bench.giveBack(client)
        #expect(bench.engine.catalog.count == 0)
    }

    @Test func aFailureFailsWhatIsBehindItAndWhatTheWorkerSaysOfThatIsNoMatter() throws {
        let worker = try #require(bench.addWorker())
        let (client, session) = try submit()
        try answerNext(worker)
        try answerNext(worker)
        bench.script = { _ in .failure(Failure(kind: .exception, type: "ValueError", message: "no")) }
        bench.work()
        #expect(value(2) != nil)
        for call in UInt64(3)...6 {
            guard case .failure(let failure) = bench.results[CallID(call)]?.outcome else {
                Issue.record("call \(call) did not fail")
                continue
            }
            #expect(failure.type == "ValueError")
        }
        #expect(bench.engine.inventory.tasks == 0)
        close(session, client)
    }

    @Test func aCancelledCallTakesWhatIsBehindIt() throws {
        let worker = try #require(bench.addWorker())
        let (client, session) = try submit()
        try answerNext(worker)
        bench.send(.requested(client, request: 0, .cancelCalls(session, [CallID(4)])))
        bench.work()
        #expect(value(3) != nil && value(4) == nil && value(6) == nil)
        #expect(bench.engine.inventory.tasks == 0)
        close(session, client)
    }

    @Test func aClosedSessionLeavesNothingAhead() throws {
        let worker = try #require(bench.addWorker())
        let (client, session) = try submit()
        try answerNext(worker)
        bench.send(.requested(client, request: 9, .closeRun(session)))
        bench.work()
        bench.giveBack(client)
        bench.expectEmpty()
        #expect(bench.engine.inventory.tasks == 0)
    }
}
