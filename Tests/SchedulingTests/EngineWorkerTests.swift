import AnabranchCore
import PipelineGraph
import Testing

@testable import Scheduling

@Suite struct EngineWorkerTests {
    private let bench = EngineBench()
    private var graphs: EngineGraphs { EngineGraphs(bytes: bench.bytes, writer: WriterID(0xC1)) }

    private func error(of client: UInt64) -> ControlError? {
        guard case .error(let error) = bench.replies[ClientID(client)]?.last else { return nil }
        return error
    }

    @Test func anotherVersionIsRefusedNamingBoth() {
        var versions = EngineBench.versions
        versions.anabranch = "0.9"
        #expect(bench.addWorker(instance: 1, versions: versions) == nil)
        #expect(error(of: 1001)?.code == .versionMismatch)
        #expect(error(of: 1001)?.message.contains("0.9") == true && error(of: 1001)?.message.contains("1.0") == true)
        bench.addWorker(instance: 2)
        versions = EngineBench.versions
        versions.python = "3.12.1"
        #expect(bench.addWorker(instance: 3, versions: versions) == nil)
        #expect(
            error(of: 1003)?.message.contains("3.11.2") == true && error(of: 1003)?.message.contains("3.12.1") == true)
        versions.python = "3.11.9"
        #expect(bench.addWorker(instance: 4, versions: versions) != nil)
        versions.scikitLearn = "1.7.2"
        #expect(bench.addWorker(instance: 5, versions: versions) != nil)
        versions.scikitLearn = "1.6.1"
        #expect(bench.addWorker(instance: 6, versions: versions) == nil)
        #expect(error(of: 1006)?.message.contains("scikit-learn 1.6.1") == true)
    }

    @Test func aRunTellsWhichExecutorItWaitsFor() throws {
        let client = bench.addClient()
        var request = graphs.line(.fit)
        request.graph.nodes[0].executor = "spark"
        let run = try #require(bench.submit(request, by: client))
        #expect(bench.states[run]?.message.hasPrefix("tasks wait for a worker, and none takes work") == true)
        let plain = try #require(bench.addWorker(instance: 1))
        bench.work()
        #expect(bench.queued[plain]?.isEmpty != false)
        #expect(bench.states[run]?.message.contains("the executor spark") == true)
        bench.send(.requested(client, request: 3, .status(run)))
        guard case .status(let status) = bench.replies[client]?.last else {
            Issue.record("no status")
            return
        }
        #expect(
            status.runs.first?.waiting.hasPrefix("tasks of node scale wait for a worker with the executor spark")
                == true)
        let able = try #require(bench.addWorker(instance: 2, executors: ["spark"]))
        #expect(bench.queued[able]?.map(\.node) == ["scale"])
        bench.work()
        #expect(bench.states[run]?.state == .succeeded && bench.states[run]?.message.isEmpty == true)
    }

    @Test func aRunTellsThatTheLastWorkerWithItsExecutorHasGone() throws {
        let client = bench.addClient()
        bench.addWorker(instance: 1)
        let able = try #require(bench.addWorker(instance: 2, executors: ["spark"]))
        var request = graphs.line(.fit)
        request.graph.nodes[0].executor = "spark"
        let run = try #require(bench.submit(request, by: client))
        #expect(bench.states[run]?.message.isEmpty != false)
        bench.queued[able] = nil
        bench.send(.workerDisconnected(able))
        #expect(bench.states[run]?.message.contains("the executor spark") == true)
    }

    @Test func helloAgainIsTheSameWorker() throws {
        let first = try #require(bench.addWorker())
        let again = try #require(bench.addWorker())
        #expect(first == again)
        #expect(bench.engine.workers.count == 1)
    }

    @Test func aLostWorkersTasksAreDoneByAnother() throws {
        let first = try #require(bench.addWorker(instance: 1))
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit, partitions: 2), by: client))
        let lost = bench.queued.removeValue(forKey: first) ?? []
        #expect(!lost.isEmpty)
        bench.send(.workerDisconnected(first))
        bench.addWorker(instance: 2)
        bench.work()
        #expect(bench.states[run]?.state == .succeeded)
        // What the lost one answers now has been done by another: its outputs are released.
        bench.report(first, lost.map { bench.answer($0, by: first) })
        bench.send(.writersEnded([WriterID(0xF001)]))
        #expect(bench.engine.workers[first] == nil)
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        #expect(bench.engine.catalog.count == 0)
        #expect(bench.bytes.mistakes == [])
    }

    @Test func theFirstAnswerOfAnyAttemptCounts() throws {
        let first = try #require(bench.addWorker(slots: 1, instance: 1))
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        let task = try #require(bench.queued.removeValue(forKey: first)?.first)
        bench.send(.workerDisconnected(first))
        bench.report(first, [bench.answer(task, by: first)])
        bench.addWorker(instance: 2)
        bench.work()
        #expect(bench.states[run]?.state == .succeeded)
        let scales = bench.entries[run]?.filter { $0.node == NodeIndex(0) && $0.phase == .fit }
        #expect(scales?.map(\.worker) == [first])
    }

    @Test func doubledAndForeignResultsAreDropped() throws {
        let worker = try #require(bench.addWorker())
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        let task = try #require(bench.queued[worker]?.first)
        bench.queued[worker]?.removeFirst()
        let answer = bench.answer(task, by: worker)
        bench.report(worker, [answer, answer])
        bench.report(worker, [answer])
        bench.send(.workerReported(ResultBatch(epoch: Epoch(8), worker: worker, results: [answer])))
        bench.send(.workerReported(ResultBatch(epoch: Epoch(7), worker: WorkerID(99), results: [answer])))
        #expect(bench.engine.dropped == 4)
        bench.work()
        #expect(bench.states[run]?.state == .succeeded)
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        bench.expectEmpty()
    }

    @Test func whatADroppedAnswerNamesIsFreed() throws {
        let worker = try #require(bench.addWorker(slots: 1))
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        let task = try #require(bench.queued[worker]?.first)
        bench.queued[worker]?.removeFirst()
        // Its answer seemed lost: the task went elsewhere, and both answer.
        bench.now = bench.now.advanced(by: 11_000_000)
        let heartbeat = Heartbeat(running: [], idleSlots: 1, lastBatch: 1)
        bench.send(.workerReported(ResultBatch(epoch: Epoch(7), worker: worker, heartbeat: heartbeat)))
        let late = bench.answer(task, by: worker)
        bench.report(worker, [late])
        #expect(bench.engine.dropped == 1)
        guard case .success(let success) = late.outcome else { return }
        success.forEachReference { if !$0.isInline { #expect(bench.bytes.released.contains($0.id)) } }
        // Once more: nothing is released twice.
        bench.report(worker, [late])
        bench.work()
        #expect(bench.states[run]?.state == .succeeded)
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        bench.expectEmpty()
    }

    @Test func whatADroppedAnswersRuntimeStillViewsIsKept() throws {
        let worker = try #require(bench.addWorker())
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        let task = try #require(bench.queued[worker]?.first)
        bench.queued[worker]?.removeFirst()
        let answer = bench.answer(task, by: worker)
        bench.report(worker, [answer])
        var late = answer
        let kept = bench.bytes.write("kept", by: WriterID(0xF001))
        late.outcome = .success(Success(value: kept))
        late.held = [kept.id]
        bench.report(worker, [late])
        #expect(bench.engine.catalog.contains(kept.id))
        let released = HeldReleased(holder: WriterID(0xF001), objects: [kept.id])
        bench.send(.workerReported(ResultBatch(epoch: Epoch(7), worker: worker, released: [released])))
        #expect(bench.bytes.released.contains(kept.id))
        bench.work()
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        bench.expectEmpty()
    }

    @Test func anAnswerThatNamesALostObjectFreesItsOthers() throws {
        bench.addWorker()
        let client = bench.addClient()
        bench.send(.workerReported(ResultBatch(epoch: Epoch(7), worker: WorkerID(1), writersOpened: [WriterID(0xF0)])))
        bench.send(.writersEnded([WriterID(0xF0)]))
        let bytes = bench.bytes
        bench.script = { task in
            guard task.node == "scale", case .fit = task.work else { return nil }
            let gone = bytes.write("gone", by: WriterID(0xF0))
            bytes.release(gone.id)
            return .success(
                Success(model: bytes.write("model", by: WriterID(0xF001)), output: Data(x: View(object: gone))))
        }
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        bench.work()
        let failure = try #require(bench.entries[run]?.first { $0.state == .failed }?.failure)
        // Each time the bytes died with their process: the attempts are used up.
        #expect(failure.kind == .workerLost)
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        bench.expectEmpty()
    }

    @Test func aResultWhoseBytesDiedOnTheWayIsALostAttempt() throws {
        let worker = try #require(bench.addWorker(slots: 1))
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        let task = try #require(bench.queued[worker]?.first)
        bench.queued[worker]?.removeFirst()
        let dead = WriterID(0xF0)
        bench.send(.workerReported(ResultBatch(epoch: Epoch(7), worker: worker, writersOpened: [dead])))
        bench.send(.writersEnded([dead]))
        var answer = bench.answer(task, by: worker)
        let gone = bench.bytes.write("gone", by: dead)
        bench.bytes.release(gone.id)
        answer.outcome = .success(Success(model: gone))
        bench.report(worker, [answer])
        #expect(bench.queued[worker]?.map(\.attempt) == [Attempt(task: task.attempt.task, number: 2)])
        bench.work()
        #expect(bench.states[run]?.state == .succeeded)
    }

    @Test(arguments: ["model", "parts", "labels"])
    func anAnswerToAnotherQuestionFailsItsKey(_ what: String) throws {
        bench.addWorker()
        let client = bench.addClient()
        bench.script = { task in
            switch (what, task.work) {
            case ("model", .fit(let work)) where task.node == "scale":
                return .success(Success(output: work.train.items[0][0]))
            case ("parts", .split): return .success(Success())
            case ("labels", .split(let work)):
                let part = SplitPart(
                    labels: [Key.Part(.data("other"), 1)], train: work.input.items[0][0], test: work.input.items[0][0])
                return .success(Success(parts: [part]))
            default: return nil
            }
        }
        let run = try #require(bench.submit(graphs.line(what == "model" ? .fit : .crossValidate), by: client))
        bench.work()
        #expect(bench.states[run]?.state == .failed)
        let failure = try #require(bench.entries[run]?.first { $0.state == .failed }?.failure)
        #expect(failure.kind == .invalid && failure.message.contains("the worker's answer for"))
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        bench.expectEmpty()
    }

    @Test func aReleaseForAWorkerOutOfReachWaits() throws {
        let worker = try #require(bench.addWorker())
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        bench.work()
        bench.confirm(worker)
        bench.send(.workerDisconnected(worker))
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        #expect(bench.engine.catalog.count == 0)
        #expect(!bench.bytes.unreleased.isEmpty)
        bench.send(.workerConnected(worker))
        bench.expectEmpty()
    }

    @Test func aReleaseThatStoodInALaneWhenItDroppedIsSaidAgain() throws {
        let worker = try #require(bench.addWorker())
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        bench.work()
        bench.confirm(worker)
        bench.releases = []
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        let lost = bench.releases
        #expect(!lost.isEmpty)
        bench.bytes.forgiveDoubledReleases = true
        bench.send(.workerDisconnected(worker))
        bench.send(.workerConnected(worker))
        #expect(bench.releases == lost + lost)
        // Once it has told that they came, they are not said a third time.
        bench.confirm(worker)
        bench.send(.workerDisconnected(worker))
        bench.send(.workerConnected(worker))
        #expect(bench.releases == lost + lost)
        bench.expectEmpty()
    }

    @Test func moreThreadsThanTheLargestWorkerHasAreRefusedByName() throws {
        let client = bench.addClient()
        var request = graphs.line(.fit)
        request.graph.nodes[0].limits.threads = 8
        // Nobody is there to be asked yet: the answer comes with the first worker.
        let run = try #require(bench.submit(request, by: client))
        bench.addWorker(slots: 2, threadsPerSlot: 3)
        bench.work()
        let failure = try #require(bench.entries[run]?.first { $0.state == .failed }?.failure)
        #expect(failure.kind == .invalid && failure.node == "scale")
        #expect(failure.message.contains("node scale asks for 8 threads (threads=); the largest worker has 6 cores"))
        #expect(failure.message.contains("--slots 2, --threads-per-slot 3"))
        bench.addWorker(slots: 1, instance: 2, threadsPerSlot: 8)
        var fresh = graphs.line(.fit)
        fresh.graph.nodes[0].limits.threads = 8
        let again = try #require(bench.submit(fresh, by: client))
        bench.work()
        #expect(bench.states[again]?.state == .succeeded)
        let threads = bench.sent.filter { $0.node == "scale" }.map(\.limits.threads)
        #expect(threads == [8])
    }

    @Test func whenTheLargestWorkerHasGoneTheOthersDoWhatTheyCan() throws {
        let large = try #require(bench.addWorker(slots: 1, threadsPerSlot: 8))
        bench.addWorker(slots: 2, instance: 2)
        let client = bench.addClient()
        var request = graphs.line(.fit)
        request.graph.nodes[0].limits.threads = 8
        let run = try #require(bench.submit(request, by: client))
        #expect(bench.queued[large]?.first?.limits.threads == 8)
        bench.queued[large] = nil
        bench.send(.workerDisconnected(large))
        #expect(bench.sent.last?.limits.threads == 2)
        bench.work()
        #expect(bench.states[run]?.state == .succeeded)
    }

    @Test func aWorkerThatSaidGoodbyeHasLeftAndIsNotLost() throws {
        let worker = try #require(bench.addWorker())
        bench.send(.workerGoodbye(worker, instance: 1))
        #expect(bench.told.last?.state == .left)
        bench.addWorker(instance: 2)
        bench.send(.workerDisconnected(WorkerID(2)))
        #expect(bench.told.last?.state == .lost)
    }

    @Test func aWorkerThatDrainsAndFallsSilentKeepsNobodyFromEnding() throws {
        bench.addWorker()
        let client = bench.addClient()
        _ = try #require(bench.submit(graphs.line(.fit), by: client))
        bench.send(.requested(client, request: 3, .shutdown))
        #expect(!bench.engine.isDeserted, "it has a task to end")
        for _ in 0..<8 {
            bench.now = bench.now.advanced(by: 3_000_000)
            bench.send(.tick)
        }
        #expect(bench.engine.isDeserted)
    }

    @Test func aHelloFromBeforeItsEndBringsNobodyBack() throws {
        let worker = try #require(bench.addWorker())
        bench.send(.workerDisconnected(worker))
        bench.addWorker()
        #expect(bench.engine.workers[worker]?.state == .lost)
        #expect(bench.engine.writersToProbe == [WriterID(0xF001)])
        bench.send(.workerConnected(worker))
        #expect(bench.engine.workers[worker]?.state == .active)
        #expect(bench.engine.writersToProbe.isEmpty)
    }

    @Test func aSilentWorkersRuntimesAreNotTakenForDead() throws {
        let worker = try #require(bench.addWorker())
        for _ in 0..<8 {
            bench.now = bench.now.advanced(by: 3_000_000)
            bench.send(.tick)
        }
        #expect(bench.engine.workers[worker]?.isSilent == true)
        #expect(bench.engine.writersToProbe.isEmpty)
    }

    @Test func aClientThatCannotBeReachedIsStillProbed() {
        let client = bench.addClient()
        bench.send(.clientVanished(client))
        #expect(bench.engine.writersToProbe == [WriterID(0xC1)])
        bench.send(.writersEnded([WriterID(0xC1)]))
        #expect(bench.engine.writersToProbe.isEmpty)
        #expect(bench.removedSegments.map(\.0) == [WriterID(0xC1)])
    }

    @Test func aDetachedRunOutlivesItsClient() throws {
        bench.addWorker()
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit), by: client, detached: true))
        bench.send(.clientVanished(client))
        bench.work()
        let other = bench.addClient(2, writer: nil)
        bench.send(.requested(other, request: 2, .watchRun(run)))
        #expect(bench.states[run]?.state == .succeeded)
        #expect(bench.entries[run]?.isEmpty == false)
        bench.send(.requested(other, request: 3, .closeRun(run)))
        bench.giveBack(other)
        #expect(bench.engine.catalog.count == 0)
    }

    @Test func aRunThatHasEndedIsDescribedToAnotherClientWhoHoldsItsPayloads() throws {
        bench.addWorker()
        let client = bench.addClient()
        let request = graphs.diamond(.fit)
        let run = try #require(bench.submit(request, by: client, detached: true))
        bench.send(.clientVanished(client))
        bench.work()
        let other = bench.addClient(2, writer: nil)
        bench.send(.requested(other, request: 2, .describeRun(run)))
        #expect(
            bench.replies[other]?.last == .runDescription(RunDescription(graph: request.graph, mode: .fit)))
        // What it was told of stands for as long as it holds it, without the run.
        bench.send(.requested(other, request: 3, .closeRun(run)))
        var payloads: Set<ObjectID> = []
        request.graph.forEachPayload { reference, _ in payloads.insert(reference.id) }
        #expect(payloads.count == 5 && payloads.allSatisfy(bench.engine.catalog.contains))
        bench.giveBack(other)
        #expect(bench.engine.catalog.count == 0)
        bench.send(.requested(other, request: 4, .describeRun(run)))
        guard case .error(let error) = bench.replies[other]?.last else {
            Issue.record("no refusal: \(String(describing: bench.replies[other]?.last))")
            return
        }
        #expect(error.code == .unknownRun)
    }

    @Test func aDrainedWorkerGetsNothingMore() throws {
        let worker = try #require(bench.addWorker())
        let client = bench.addClient()
        bench.send(.requested(client, request: 3, .drainWorker(worker)))
        #expect(bench.drains == [worker])
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        #expect(bench.sent.isEmpty)
        bench.addWorker(instance: 2)
        bench.work()
        #expect(bench.states[run]?.state == .succeeded)
    }

    @Test func countsThatWorkersStateEndNothing() throws {
        for instance in 1...2 {
            let worker = try #require(bench.addWorker(instance: UInt64(instance)))
            let heartbeat = Heartbeat(running: [], idleSlots: 0, droppedMessages: .max, lastBatch: 0)
            bench.send(.workerReported(ResultBatch(epoch: Epoch(7), worker: worker, heartbeat: heartbeat)))
        }
        let client = bench.addClient()
        bench.send(.requested(client, request: 2, .status(nil)))
        guard case .status = bench.replies[client]?.last else {
            Issue.record("no status: \(String(describing: bench.replies[client]?.last))")
            return
        }
    }
}
