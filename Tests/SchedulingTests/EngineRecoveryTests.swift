import AnabranchCore
import PipelineGraph
import Testing

@testable import Scheduling

@Suite struct EngineRecoveryTests {
    private let bench = EngineBench()
    private var graphs: EngineGraphs { EngineGraphs(bytes: bench.bytes, writer: WriterID(0xC1)) }

    /// Answers as the runtime does that finds an argument gone.
    private func missing(_ task: TaskAssignment) -> Outcome? {
        var lost: ObjectID?
        task.work.forEachReference { if lost == nil, bench.bytes.isLost($0) { lost = $0.id } }
        return lost.map {
            .failure(Failure(kind: .objectLost, message: "object \($0) is lost: no such file", lost: $0))
        }
    }

    /// Submits with inputs that the client holds, as it does while its user has them.
    private func submit(_ request: RunRequest, by client: ClientID) throws -> RunID {
        var references: [ObjectRef] = []
        request.forEachReference { reference, _ in references.append(reference) }
        bench.send(.requested(client, request: 0, .holdObjects(references)))
        bench.held[client, default: []] += references.map(\.id)
        return try #require(bench.submit(request, by: client))
    }

    private func take(_ worker: WorkerID) throws -> TaskAssignment {
        let task = try #require(bench.queued[worker]?.first)
        bench.queued[worker]?.removeFirst()
        return task
    }

    private func finish(_ run: RunID, of client: ClientID) {
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        bench.expectEmpty()
        #expect(bench.engine.tasks.isEmpty)
    }

    @Test func anOutputThatIsGoneIsMadeAgainOnceForAllThatWait() throws {
        let worker = try #require(bench.addWorker(slots: 2))
        let client = bench.addClient()
        bench.script = missing
        let run = try submit(graphs.line(.fit), by: client)
        let scale = try take(worker)
        bench.report(worker, [bench.answer(scale, by: worker)])
        #expect(bench.queued[worker]?.map(\.node) == ["tree", "tree"])
        bench.bytes.loseSegment(of: bench.writers[worker]!)
        bench.work()
        #expect(bench.states[run]?.state == .succeeded)
        #expect(bench.sent.map(\.node) == ["scale", "tree", "tree", "scale", "tree", "tree"])
        let trees = (bench.entries[run] ?? []).filter { $0.node == NodeIndex(1) }
        #expect(trees.count == 2 && trees.allSatisfy { $0.state == .succeeded })
        finish(run, of: client)
    }

    @Test func whatItIsMadeOfIsMadeAgainToo() throws {
        let worker = try #require(bench.addWorker(slots: 1))
        let client = bench.addClient()
        bench.script = { task in missing(task) }
        let run = try submit(graphs.diamond(.crossValidate), by: client)
        var lost = 0
        while let task = bench.queued[worker]?.first {
            bench.queued[worker]?.removeFirst()
            // Everything that any worker wrote is gone when the first vote is to be taken, folds and scalers included.
            if task.node == "vote", lost == 0 {
                lost += 1
                bench.bytes.loseSegment(of: bench.writers[worker]!)
            }
            bench.report(worker, [bench.answer(task, by: worker)])
        }
        #expect(lost == 1)
        #expect(bench.states[run]?.state == .succeeded)
        finish(run, of: client)
    }

    @Test func whatNobodyCanMakeAgainIsAnErrorThatNamesIt() throws {
        bench.addWorker()
        let client = bench.addClient()
        bench.script = missing
        let run = try submit(graphs.line(.fit), by: client)
        bench.bytes.loseSegment(of: WriterID(0xC1))
        bench.work()
        #expect(bench.states[run]?.state == .failed)
        let failure = try #require(bench.entries[run]?.first { $0.state == .failed }?.failure)
        let lost = try #require(failure.lost)
        #expect(failure.kind == .objectLost && failure.node == "scale")
        #expect(failure.message.contains("object \(lost) is lost"))
        #expect(failure.message.contains("it cannot be made again"))
        finish(run, of: client)
    }

    @Test func anInputThatWasGivenUpMeansThatNothingIsMadeAgain() throws {
        let worker = try #require(bench.addWorker(slots: 1))
        let client = bench.addClient()
        bench.script = missing
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        let scale = try take(worker)
        bench.report(worker, [bench.answer(scale, by: worker)])
        bench.bytes.loseSegment(of: bench.writers[worker]!)
        bench.work()
        let failed = (bench.entries[run] ?? []).filter { $0.state == .failed }
        #expect(failed.count == 2 && failed.allSatisfy { $0.node == NodeIndex(1) && $0.failure?.kind == .objectLost })
        #expect(failed.allSatisfy { $0.failure?.message.contains("is an input of the run") == true })
        finish(run, of: client)
    }

    @Test func aStoreThatLosesEverythingEndsTheRunAfterSomeLosses() throws {
        let worker = try #require(bench.addWorker(slots: 1))
        let client = bench.addClient()
        bench.script = { task in
            if task.node == "tree" { bench.bytes.loseSegment(of: bench.writers[worker]!) }
            return missing(task)
        }
        let run = try submit(graphs.line(.fit), by: client)
        bench.work()
        #expect(bench.states[run]?.state == .failed)
        let failed = (bench.entries[run] ?? []).filter { $0.state == .failed }
        #expect(
            failed.count == 2
                && failed.allSatisfy {
                    $0.failure?.message.contains("8 losses before, the limit for one firing") == true
                })
        finish(run, of: client)
    }

    @Test func aRemakeThatFailsFailsWhatWaitsForIt() throws {
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
        #expect(failed.allSatisfy { $0.failure?.message.contains("scale failed: not twice") == true })
        finish(run, of: client)
    }

    @Test func cancellingARunThatRecoversLeavesNothing() throws {
        let worker = try #require(bench.addWorker(slots: 1))
        let client = bench.addClient()
        bench.script = missing
        let run = try submit(graphs.line(.fit), by: client)
        let scale = try take(worker)
        bench.report(worker, [bench.answer(scale, by: worker)])
        bench.bytes.loseSegment(of: bench.writers[worker]!)
        let tree = try take(worker)
        bench.report(worker, [bench.answer(tree, by: worker)])
        #expect(bench.engine.runs[run]?.recovery.remakes.count == 1)
        bench.send(.requested(client, request: 3, .cancelRun(run)))
        bench.script = { _ in .failure(Failure(kind: .cancelled, message: "cancelled")) }
        bench.work()
        #expect(bench.states[run]?.state == .cancelled)
        finish(run, of: client)
    }
}
