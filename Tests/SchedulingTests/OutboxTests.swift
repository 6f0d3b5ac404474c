import AnabranchCore
import Testing

@testable import Scheduling

/// A message that is too large costs its worker the connection, and all that it has.
@Suite struct OutboxTests {
    private let epoch = Epoch(7)

    private func task(_ number: UInt64, inline: Int = 0) -> TaskAssignment {
        let reference = ObjectRef(
            id: ObjectID(writer: WriterID(9), sequence: number), encoding: .pickle5, length: UInt64(inline),
            location: .inline([UInt8](repeating: 0, count: inline)))
        return TaskAssignment(
            attempt: Attempt(task: TaskID(number), number: 1), run: RunID(1), node: "f",
            work: .call(CallWork(function: reference, arguments: reference)))
    }

    @Test func messagesAreOfABoundedSizeAndInOrder() {
        var outbox = Outbox()
        for number in 1...20 {
            outbox.add(task(UInt64(number)), bytes: 6 << 20, to: WorkerID(1), epoch)
            outbox.add(task(UInt64(100 + number)), bytes: 100, to: WorkerID(2), epoch)
        }
        outbox.lane(WorkerID(1), epoch) { $0.cancels = [Attempt(task: TaskID(1), number: 1)] }
        let batches = outbox.takeBatches()
        let first = batches.filter { $0.worker == WorkerID(1) }
        #expect(first.flatMap { $0.tasks.map(\.attempt.task.rawValue) } == Array(1...20))
        #expect(first.allSatisfy { 1...2 ~= $0.tasks.count })
        #expect(first.last?.cancels.count == 1 && first.dropLast().allSatisfy(\.cancels.isEmpty))
        #expect(batches.filter { $0.worker == WorkerID(2) }.map(\.tasks.count) == [20])
        #expect(outbox.takeBatches().isEmpty)
    }

    @Test func aLaneThatIsDroppedHasNothingMoreToSay() {
        var outbox = Outbox()
        let object = ObjectID(writer: WriterID(3), sequence: 4)
        outbox.lane(WorkerID(1), epoch) { $0.releases = [object] }
        for number in 1...9 { outbox.add(task(UInt64(number)), bytes: 10 << 20, to: WorkerID(1), epoch) }
        let releases = outbox.dropLane(WorkerID(1))
        #expect(releases == [object])
        #expect(outbox.takeBatches().isEmpty)
    }

    @Test func theSizeOfATaskIsNotUnderestimated() {
        #expect(task(1, inline: 5_000).bytes > 10_000)
    }
}
