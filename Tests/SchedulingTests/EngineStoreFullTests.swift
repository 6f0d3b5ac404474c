import AnabranchCore
import PipelineGraph
import Testing

@testable import Scheduling

@Suite struct EngineStoreFullTests {
    private let bench = EngineBench()
    private var graphs: EngineGraphs { EngineGraphs(bytes: bench.bytes, writer: WriterID(0xC1)) }
    private static let full = Outcome.failure(Failure(kind: .storeFull, message: "the object store is full"))

    @Test func aTaskThatNeverFitsFailsAndSaysWhoHoldsMost() throws {
        bench.addWorker(slots: 1)
        let client = bench.addClient()
        bench.script = { $0.node == "tree" ? Self.full : nil }
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        bench.work()
        #expect(bench.states[run]?.state == .running)
        while bench.states[run]?.state == .running, let deadline = bench.engine.roomDeadline {
            bench.now = max(bench.now, deadline)
            bench.send(.tick)
            bench.work()
        }
        #expect(bench.states[run]?.state == .failed)
        let failures = (bench.entries[run] ?? []).compactMap(\.failure)
        #expect(failures.count == 2)
        for failure in failures {
            for part in ["the object store is full", "run 1 (line) asked", "run 1 (line), scale: ", "--store-budget"] {
                #expect(failure.message.contains(part), "\(failure.message)")
            }
        }
        // Each was tried once more when nothing else ran.
        #expect(bench.sent.filter { $0.node == "tree" }.count == 4)
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        bench.expectEmpty()
        #expect(bench.engine.waiting.isEmpty && bench.engine.roomTries.isEmpty && bench.engine.tasks.isEmpty)
    }

    @Test func aTaskWaitsWhileAnotherMayMakeRoom() throws {
        let worker = try #require(bench.addWorker(slots: 2))
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit, partitions: 2), by: client))
        let tasks = bench.queued.removeValue(forKey: worker) ?? []
        #expect(tasks.map(\.node) == ["scale", "scale"])
        bench.report(worker, [TaskResult(attempt: tasks[0].attempt, outcome: Self.full, holder: bench.writers[worker])])
        #expect(bench.engine.waiting.count == 1)
        #expect(bench.queued[worker]?.contains { $0.node == "scale" } != true)
        bench.report(worker, [bench.answer(tasks[1], by: worker)])
        bench.work()
        #expect(bench.engine.waiting.isEmpty, "what the others have released lets it run")
        #expect(bench.states[run]?.state == .succeeded)
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        bench.expectEmpty()
    }

    private func twoThatWait(_ client: ClientID, at worker: WorkerID) throws -> RunID {
        let run = try #require(bench.submit(graphs.line(.fit, partitions: 2), by: client))
        let tasks = bench.queued.removeValue(forKey: worker) ?? []
        #expect(tasks.map(\.node) == ["scale", "scale"])
        bench.report(
            worker,
            tasks.map { TaskResult(attempt: $0.attempt, outcome: Self.full, holder: bench.writers[worker]) })
        #expect(bench.engine.waiting.count == 2)
        return run
    }

    private func passQuietTime() throws {
        bench.now = max(bench.now, try #require(bench.engine.roomDeadline))
        bench.send(.tick)
    }

    @Test func oneTaskAtATimeHasItsLastChance() throws {
        let worker = try #require(bench.addWorker(slots: 2))
        let client = bench.addClient()
        let run = try twoThatWait(client, at: worker)
        try passQuietTime()
        #expect(bench.queued[worker]?.count == 1 && bench.engine.roomDeadline == nil)
        for _ in 0..<3 {
            bench.now = bench.now.advanced(by: 1_000_000)
            bench.confirm(worker)
            bench.send(.tick)
            #expect(bench.queued[worker]?.count == 1, "while one tries for the last time the other waits")
        }
        bench.work()
        while bench.states[run]?.state == .running, bench.engine.roomDeadline != nil {
            try passQuietTime()
            bench.work()
        }
        #expect(bench.states[run]?.state == .succeeded)
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        bench.expectEmpty()
    }

    /// The time begins when a task begins to wait, not when one before it did.
    @Test func eachWaitHasItsOwnQuietTime() throws {
        let worker = try #require(bench.addWorker(slots: 1))
        let client = bench.addClient()
        bench.send(.requested(client, request: 2, .openSession(name: "s")))
        let function = Call.Function.native(name: "f", parameters: [])
        func call(_ number: UInt64) -> TaskAssignment? {
            bench.send(
                .requested(client, request: 0, .submitCalls(RunID(1), [Call(id: CallID(number), function: function)])))
            return bench.queued.removeValue(forKey: worker)?.first
        }
        func findsNoRoom(_ task: TaskAssignment?) throws {
            let attempt = try #require(task).attempt
            bench.report(worker, [TaskResult(attempt: attempt, outcome: Self.full, holder: bench.writers[worker])])
        }
        try findsNoRoom(call(1))
        let waited = try #require(bench.engine.roomDeadline)
        bench.now = waited
        bench.send(.tick)
        let last = try #require(bench.queued.removeValue(forKey: worker)?.first)
        bench.report(worker, [bench.answer(last, by: worker)])
        #expect(bench.results.count == 1 && bench.engine.waiting.isEmpty)

        // Later, and nothing was released meanwhile.
        bench.now = waited.advanced(by: 1_000_000)
        try findsNoRoom(call(2))
        #expect(bench.queued[worker]?.isEmpty ?? true, "it waits first")
        #expect(bench.engine.roomDeadline.map { $0 > bench.now } == true)
    }

    @Test func aRunThatIsClosedLeavesNoLastChanceBehind() throws {
        let worker = try #require(bench.addWorker(slots: 2))
        let client = bench.addClient()
        let run = try twoThatWait(client, at: worker)
        try passQuietTime()
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.send(.tick)
        #expect(bench.engine.roomTries.isEmpty && bench.engine.waiting.isEmpty)
    }

    @Test func aCallThatWaitsForRoomCanBeCancelled() throws {
        let worker = try #require(bench.addWorker(slots: 2))
        let client = bench.addClient()
        bench.send(.requested(client, request: 2, .openSession(name: "s")))
        let function = Call.Function.native(name: "f", parameters: [])
        bench.send(
            .requested(
                client, request: 0,
                .submitCalls(
                    RunID(1), [Call(id: CallID(1), function: function), Call(id: CallID(2), function: function)])))
        let tasks = bench.queued.removeValue(forKey: worker) ?? []
        #expect(tasks.count == 2)
        bench.report(worker, [TaskResult(attempt: tasks[0].attempt, outcome: Self.full, holder: bench.writers[worker])])
        #expect(bench.engine.waiting.count == 1 && bench.results.isEmpty)
        bench.send(.requested(client, request: 3, .cancelCalls(RunID(1), [CallID(1)])))
        guard case .failure(let failure)? = bench.results[CallID(1)]?.outcome else {
            Issue.record("the call has not ended")
            return
        }
        #expect(failure.kind == .cancelled)
        bench.report(worker, [bench.answer(tasks[1], by: worker)])
        #expect(bench.engine.waiting.isEmpty && bench.queued[worker]?.isEmpty != false)
        bench.send(.requested(client, request: 4, .closeRun(RunID(1))))
        bench.giveBack(client)
        #expect(bench.engine.catalog.count == 0 && bench.engine.tasks.isEmpty)
    }
}
