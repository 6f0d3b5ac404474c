import AnabranchCore
import PipelineGraph
import Testing

@testable import Scheduling

/// What is told of the attempts before the one that ended a firing, or a call, and how many there were.
@Suite struct EngineAttemptTests {
    private let bench = EngineBench()
    private let writer = WriterID(0xC1)
    private var graphs: EngineGraphs { EngineGraphs(bytes: bench.bytes, writer: writer) }

    @Test func attemptsThatDidNotEndTheirTaskAreTold() throws {
        let first = try #require(bench.addWorker(slots: 1, instance: 1))
        let client = bench.addClient()
        var graph = graphs.line(.fit)
        graph.graph.nodes[0].retries = 1
        let run = try #require(bench.submit(graph, by: client))
        // One kills its runtime, the next one is lost with its worker.
        let task = try #require(bench.queued.removeValue(forKey: first)?.first)
        var killed = bench.answer(task, by: first)
        killed.outcome = .failure(Failure(kind: .killed, message: "signal 9"))
        killed.usage.startedMicroseconds = 5
        bench.report(first, [killed])
        bench.queued[first] = nil
        bench.send(.workerDisconnected(first))
        let second = try #require(bench.addWorker(instance: 2))
        bench.work()
        let entry = try #require(bench.entries[run]?.first { $0.node == NodeIndex(0) && $0.phase == .fit })
        #expect(entry.earlier.map(\.kind) == [.killed, .workerLost])
        #expect(entry.earlier.map(\.number) == [1, 2])
        #expect(entry.earlier.map(\.usage.worker) == [first, first])
        #expect(entry.attempts == 3 && entry.usage.worker == second)
        #expect(entry.usage.dispatchedMicroseconds <= entry.usage.arrivedMicroseconds)
        #expect(bench.entries[run]?.filter { $0.node != NodeIndex(0) }.allSatisfy(\.earlier.isEmpty) == true)
    }

    /// What finds the store full runs again as a new task, whose attempts the scheduler counts from 1.
    @Test func anAttemptIsToldByMoreThanItsNumber() throws {
        let worker = try #require(bench.addWorker(slots: 1))
        let client = bench.addClient()
        var graph = graphs.line(.fit)
        graph.graph.nodes[0].retries = 1
        let run = try #require(bench.submit(graph, by: client))
        try fail(.killed, at: worker)
        try fail(.storeFull, at: worker)
        try passQuietTime()
        try fail(.killed, at: worker)
        bench.work()
        let entry = try #require(bench.entries[run]?.first { $0.node == NodeIndex(0) && $0.phase == .fit })
        #expect(entry.earlier.map(\.kind) == [.killed, .storeFull, .killed])
        #expect(entry.earlier.map(\.number) == [1, 2, 3] && entry.attempts == 4)
    }

    /// A lost attempt, then one that finds its input lost with it: that runs again as a new task.
    @Test func anAttemptThatFindsItsInputLostIsOneOfThem() throws {
        let first = try #require(bench.addWorker(slots: 2, instance: 1))
        let client = bench.addClient()
        bench.script = missing
        let run = try submit(graphs.line(.fit), by: client)
        let scale = try take(first)
        bench.report(first, [bench.answer(scale, by: first)])
        #expect(bench.queued.removeValue(forKey: first)?.map(\.node) == ["tree", "tree"])
        bench.send(.workerDisconnected(first))
        bench.bytes.loseSegment(of: bench.writers[first]!)
        let second = try #require(bench.addWorker(slots: 1, instance: 2))
        bench.work()
        #expect(bench.states[run]?.state == .succeeded)
        let trees = (bench.entries[run] ?? []).filter { $0.node == NodeIndex(1) }
        #expect(trees.count == 2)
        for tree in trees {
            #expect(tree.earlier.map(\.kind) == [.workerLost, .objectLost])
            #expect(tree.earlier.map(\.usage.worker) == [first, second])
            #expect(tree.earlier.map(\.number) == [1, 2] && tree.attempts == 3)
        }
    }

    /// It fails by the attempt that found the loss: that one is not among the earlier ones as well.
    @Test func anInputThatIsLostForGoodEndsItsReader() throws {
        let worker = try #require(bench.addWorker(slots: 1))
        let client = bench.addClient()
        var scaled = false
        bench.script = { task in
            if task.node == "scale" {
                defer { scaled = true }
                return scaled ? .failure(Failure(kind: .exception, message: "not twice")) : nil
            }
            return missing(task)
        }
        let run = try submit(graphs.line(.fit), by: client)
        let scale = try take(worker)
        bench.report(worker, [bench.answer(scale, by: worker)])
        bench.bytes.loseSegment(of: bench.writers[worker]!)
        bench.work()
        let failed = (bench.entries[run] ?? []).filter { $0.state == .failed }
        #expect(failed.count == 2)
        #expect(failed.allSatisfy { $0.attempts == 1 && $0.failure?.attempt == 1 && $0.earlier.isEmpty })
    }

    /// With the last worker of a store its bytes go: the task is placed anew, and fails before it is sent.
    @Test func whatWasNeverSentIsNoAttempt() throws {
        let there = ClientID(1001)
        let hello = WorkerHello(
            instance: 1, lane: "tcp://there:1", slots: 2, host: "there", processID: 1, store: "/there",
            storeIdentity: "another", hasOwnStore: true, executors: ["python"], versions: EngineBench.versions,
            writers: [WriterID(0xF001)])
        bench.send(.workerHello(there, request: 1, hello))
        let first = WorkerID(1)
        #expect(bench.replies[there]?.last == .workerWelcome(first))
        bench.writers[first] = WriterID(0xF001)
        let client = bench.addClient()
        let run = try submit(graphs.line(.fit), by: client)
        let scale = try take(first)
        bench.report(first, [bench.answer(scale, by: first)])
        #expect(bench.queued.removeValue(forKey: first)?.map(\.node) == ["tree", "tree"])
        bench.send(.workerDisconnected(first))
        bench.send(.writersEnded([WriterID(0xF001)]))
        bench.addWorker(slots: 1, instance: 2)
        bench.work()
        #expect(bench.states[run]?.state == .succeeded)
        let trees = (bench.entries[run] ?? []).filter { $0.node == NodeIndex(1) }
        #expect(trees.count == 2)
        #expect(trees.allSatisfy { $0.attempts == 2 && $0.earlier.map(\.kind) == [.workerLost] })
    }

    /// Recalled for an idle worker, say.
    @Test func whatIsGivenBackUntouchedIsNoAttempt() throws {
        let worker = try #require(bench.addWorker(slots: 1))
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        let task = try take(worker)
        let cancelled = Failure(kind: .cancelled, message: "given back")
        bench.report(worker, [TaskResult(attempt: task.attempt, outcome: .failure(cancelled))])
        let other = try #require(bench.addWorker(slots: 1, instance: 2))
        #expect(bench.queued[other]?.first?.attempt == Attempt(task: task.attempt.task, number: 2))
        bench.work()
        let entry = try #require(bench.entries[run]?.first { $0.node == NodeIndex(0) && $0.phase == .fit })
        #expect(entry.attempts == 1 && entry.earlier.isEmpty)
    }

    @Test func anAttemptThatWasLostOnTheWayIsTold() throws {
        let worker = try #require(bench.addWorker(slots: 1))
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        _ = try take(worker)
        bench.now = bench.now.advanced(by: bench.engine.configuration.leaseMicroseconds + 1)
        bench.confirm(worker)
        bench.work()
        let entry = try #require(bench.entries[run]?.first { $0.node == NodeIndex(0) && $0.phase == .fit })
        #expect(entry.attempts == 2 && entry.earlier.map(\.kind) == [.workerLost])
    }

    @Test func anAttemptThatWasGivenUpAndAnswersFirstIsNotEarlierThanItself() throws {
        let first = try #require(bench.addWorker(slots: 1, instance: 1))
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        let task = try take(first)
        bench.send(.workerDisconnected(first))
        let second = try #require(bench.addWorker(slots: 1, instance: 2))
        #expect(bench.queued[second]?.first?.attempt == Attempt(task: task.attempt.task, number: 2))
        bench.report(first, [bench.answer(task, by: first)])
        bench.work()
        let entry = try #require(bench.entries[run]?.first { $0.node == NodeIndex(0) && $0.phase == .fit })
        #expect(entry.worker == first && entry.attempts == 1 && entry.earlier.isEmpty)
    }

    @Test func aCallsAttemptsAreCountedTheSameWay() throws {
        let worker = try #require(bench.addWorker(slots: 1))
        let client = bench.addClient()
        _ = try submitCall(by: client)
        try fail(.killed, at: worker)
        try fail(.storeFull, at: worker)
        try passQuietTime()
        try fail(.exception, at: worker)
        let result = try #require(bench.results[CallID(1)])
        #expect(result.earlier.map(\.kind) == [.killed, .storeFull] && result.earlier.map(\.number) == [1, 2])
        guard case .failure(let failure) = result.outcome else {
            Issue.record("it succeeded")
            return
        }
        #expect(failure.kind == .exception && failure.attempt == 3)
    }

    @Test func aCallThatIsCancelledWhileItWaitsForRoomTellsThemToo() throws {
        let worker = try #require(bench.addWorker(slots: 1))
        let client = bench.addClient()
        let session = try submitCall(by: client)
        try fail(.killed, at: worker)
        try fail(.storeFull, at: worker)
        #expect(bench.results[CallID(1)] == nil)
        bench.send(.requested(client, request: 0, .cancelCalls(session, [CallID(1)])))
        let result = try #require(bench.results[CallID(1)])
        #expect(result.earlier.map(\.kind) == [.killed, .storeFull] && result.earlier.map(\.number) == [1, 2])
    }

    /// A call that is tried twice.
    private func submitCall(by client: ClientID) throws -> RunID {
        bench.send(.requested(client, request: 2, .openSession(name: "calls")))
        guard case .runAccepted(let session) = bench.replies[client]?.last else {
            Issue.record("no session")
            throw CancellationError()
        }
        let function = Call.Function.python(
            function: bench.bytes.write("f", by: writer), arguments: bench.bytes.write("1", by: writer))
        let call = Call(id: CallID(1), function: function, retries: 1)
        bench.send(.requested(client, request: 0, .submitCalls(session, [call])))
        return session
    }

    private func take(_ worker: WorkerID) throws -> TaskAssignment {
        let task = try #require(bench.queued[worker]?.first)
        bench.queued[worker]?.removeFirst()
        return task
    }

    private func fail(_ kind: FailureKind, at worker: WorkerID) throws {
        var result = bench.answer(try take(worker), by: worker)
        result.outcome = .failure(Failure(kind: kind, message: "\(kind)"))
        result.usage.startedMicroseconds = 5
        bench.report(worker, [result])
    }

    private func passQuietTime() throws {
        bench.now = max(bench.now, try #require(bench.engine.roomDeadline))
        bench.send(.tick)
    }

    /// Answers as the runtime does that finds an argument gone.
    private func missing(_ task: TaskAssignment) -> Outcome? {
        var lost: ObjectID?
        task.work.forEachReference { if lost == nil, bench.bytes.isLost($0) { lost = $0.id } }
        return lost.map { .failure(Failure(kind: .objectLost, message: "object \($0) is lost", lost: $0)) }
    }

    /// Submits with inputs that the client holds: what is made of them can be made again.
    private func submit(_ request: RunRequest, by client: ClientID) throws -> RunID {
        var references: [ObjectRef] = []
        request.forEachReference { reference, _ in references.append(reference) }
        bench.send(.requested(client, request: 0, .holdObjects(references)))
        bench.held[client, default: []] += references.map(\.id)
        return try #require(bench.submit(request, by: client))
    }
}
