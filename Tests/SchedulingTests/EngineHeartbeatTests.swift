import AnabranchCore
import PipelineGraph
import Testing

@testable import Scheduling

/// Heartbeats that are older than what the engine has done since.
@Suite struct EngineHeartbeatTests {
    private let bench = EngineBench()
    private var graphs: EngineGraphs { EngineGraphs(bytes: bench.bytes, writer: WriterID(0xC1)) }
    private var lease: UInt64 { bench.engine.configuration.leaseMicroseconds }

    /// A worker with one slot and the task that it was sent.
    private func sentTask() throws -> (worker: WorkerID, run: RunID, task: TaskAssignment) {
        let worker = try #require(bench.addWorker(slots: 1))
        let client = bench.addClient()
        beat(worker, lastBatch: 0)
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        let task = try #require(bench.queued[worker]?.first)
        bench.queued[worker] = nil
        return (worker, run, task)
    }

    private func beat(_ worker: WorkerID, running: [Attempt] = [], lastBatch: UInt64) {
        let heartbeat = Heartbeat(running: running, idleSlots: 0, lastBatch: lastBatch)
        bench.send(.workerReported(ResultBatch(epoch: Epoch(7), worker: worker, heartbeat: heartbeat)))
    }

    @Test(arguments: [1, 30])
    func heartbeatsFromBeforeATaskDoNotLoseIt(_ count: Int) throws {
        let (worker, run, task) = try sentTask()
        // The coordinator, or the worker, was stopped for three leases: what was said before is read now.
        bench.now = bench.now.advanced(by: 3 * lease)
        for _ in 0..<count { beat(worker, lastBatch: 0) }
        bench.report(worker, [bench.answer(task, by: worker)])
        #expect(bench.engine.dropped == 0)
        bench.work()
        #expect(bench.states[run]?.state == .succeeded)
        #expect(bench.entries[run]?.allSatisfy { $0.attempts <= 1 && $0.earlier.isEmpty } == true)
    }

    @Test func aSilentWorkersOldHeartbeatDoesNotLoseWhatWaitsInItsLane() throws {
        let (worker, run, task) = try sentTask()
        for _ in 0..<8 {
            bench.now = bench.now.advanced(by: lease / 4)
            bench.send(.tick)
        }
        #expect(bench.engine.workers[worker]?.isSilent == true)
        beat(worker, lastBatch: 0)
        #expect(bench.queued[worker]?.isEmpty != false, "it was not sent again")
        beat(worker, running: [task.attempt], lastBatch: 1)
        bench.report(worker, [bench.answer(task, by: worker)])
        bench.work()
        #expect(bench.states[run]?.state == .succeeded)
        #expect(bench.sent.filter { $0.node == "scale" && $0.attempt == task.attempt }.count == 1)
    }

    @Test func whatHasComeAndIsNotListedIsLost() throws {
        let (worker, _, task) = try sentTask()
        bench.now = bench.now.advanced(by: lease + 1)
        beat(worker, lastBatch: 1)
        #expect(bench.queued[worker]?.map(\.attempt) == [Attempt(task: task.attempt.task, number: 2)])
    }

    @Test func aMessageThatNeverComesIsGivenUpAfterALease() throws {
        let (worker, _, task) = try sentTask()
        for _ in 0..<6 {
            bench.now = bench.now.advanced(by: lease / 5)
            beat(worker, lastBatch: 0)
        }
        #expect(bench.queued[worker]?.map(\.attempt) == [Attempt(task: task.attempt.task, number: 2)])
    }

    @Test func whatWentDownADroppedLaneIsNotUnderWay() throws {
        let (worker, _, task) = try sentTask()
        bench.send(.workerDisconnected(worker))
        bench.send(.workerConnected(worker))
        let again = Attempt(task: task.attempt.task, number: 2)
        #expect(bench.queued[worker]?.map(\.attempt) == [again])
        beat(worker, lastBatch: 0)
        #expect(bench.cancels.isEmpty && bench.queued[worker]?.map(\.attempt) == [again])
    }
}
