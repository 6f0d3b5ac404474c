import AnabranchCore
import Testing
import Wire

@testable import Worker

@Suite struct ResultBatchPiecesTests {
    private func result(_ id: UInt64, bytes: Int) -> TaskResult {
        let failure = Failure(kind: .exception, message: String(repeating: "x", count: bytes))
        return TaskResult(attempt: Attempt(task: TaskID(id), number: 1), outcome: .failure(failure))
    }

    private func decoded(_ batch: ResultBatch, limit: Int) throws -> [ResultBatch] {
        try batch.pieces(limit: limit).map { bytes in
            #expect(bytes.count <= limit)
            return try ResultBatch(decoding: bytes)
        }
    }

    @Test func aBatchWithinTheLimitIsOneMessage() throws {
        let batch = ResultBatch(epoch: Epoch(1), worker: WorkerID(2), results: (1...5).map { result($0, bytes: 10) })
        #expect(try decoded(batch, limit: 1000) == [batch])
    }

    @Test func aLargerBatchIsSplitAndNothingIsSaidTwice() throws {
        let log = SlotLog(task: TaskID(1), text: String(repeating: "y", count: 400), isErrorStream: false)
        let batch = ResultBatch(
            epoch: Epoch(1), worker: WorkerID(2), results: (1...9).map { result($0, bytes: 300) },
            heartbeat: Heartbeat(running: [], idleSlots: 1), writersOpened: [WriterID(3)], logs: [log, log],
            started: [Attempt(task: TaskID(1), number: 1)])
        let pieces = try decoded(batch, limit: 600)
        #expect(pieces.flatMap(\.results) == batch.results)
        #expect(pieces.flatMap(\.logs) == batch.logs)
        #expect(pieces.compactMap(\.heartbeat) == [batch.heartbeat])
        #expect(pieces.last?.heartbeat == batch.heartbeat, "it lists nothing that a result before it has ended")
        #expect(pieces.flatMap(\.writersOpened) == batch.writersOpened)
        #expect(pieces.flatMap(\.started) == batch.started)
        #expect(pieces.allSatisfy { $0.epoch == batch.epoch && $0.worker == batch.worker })
    }

    @Test func anAnswerThatIsTooLargeAloneBecomesAFailureThatSaysSo() throws {
        let batch = ResultBatch(
            epoch: Epoch(1), worker: WorkerID(2), results: [result(1, bytes: 5000), result(2, bytes: 9)])
        let results = try decoded(batch, limit: 1000).flatMap(\.results)
        #expect(results.map(\.attempt) == batch.results.map(\.attempt))
        guard case .failure(let failure) = results[0].outcome else {
            Issue.record("no failure")
            return
        }
        #expect(failure.kind == .unpicklable && failure.message.contains("the limit of a message, 1000 bytes (fixed)"))
        #expect(results[1] == batch.results[1])
    }
}
