import AnabranchCore
import Testing

@testable import Scheduling

@Suite struct TaskTableTests {
    private func state(_ lane: Int) -> TaskState {
        TaskState(stage: .queued(ticket: 0), lane: lane, maxAttempts: 1, retries: 0)
    }

    @Test func holdsWhatADictionaryWould() {
        var table = TaskTable()
        var expected: [TaskID: Int] = [:]
        var random = SystemRandomNumberGenerator()
        for step in 0..<5_000 {
            // A window of ids that moves upwards, as ids are given out and tasks end.
            let id = TaskID(UInt64(step / 4 + Int.random(in: 1...600, using: &random)))
            if Bool.random(using: &random) {
                table[id] = state(step)
                expected[id] = step
            } else {
                #expect(table.removeValue(forKey: id)?.lane == expected.removeValue(forKey: id))
            }
            #expect(table.count == expected.count)
        }
        #expect(table.ids == expected.keys.sorted())
        for (id, lane) in expected { #expect(table[id]?.lane == lane) }
    }

    @Test func unknownIdsHaveNothing() {
        var table = TaskTable()
        #expect(table[TaskID(.max)] == nil)
        table[TaskID(1_000)] = state(1)
        for id in [0, 1, 999, 1_001, 1_000_000, UInt64.max] { #expect(table[TaskID(id)] == nil) }
        table.update(TaskID(.max)) { _ in Issue.record("there is nothing to change") }
        #expect(table.removeValue(forKey: TaskID(0)) == nil)
        table[TaskID(5)] = state(2)
        #expect(table.ids == [TaskID(5), TaskID(1_000)])
    }

    @Test func anEmptiedTableTakesAnyId() {
        var table = TaskTable()
        for id in [5, UInt64.max, 5, 6, 200] {
            table[TaskID(id)] = state(1)
            #expect(table.ids == [TaskID(id)])
            table[TaskID(id)] = nil
            #expect(table.count == 0 && table.ids == [] && table[TaskID(id)] == nil)
        }
    }

    @Test func copiesAreTheirOwn() {
        var table = TaskTable()
        table[TaskID(1)] = state(1)
        let copy = table
        table.update(TaskID(1)) { $0.lane = 2 }
        #expect(copy[TaskID(1)]?.lane == 1)
    }
}
