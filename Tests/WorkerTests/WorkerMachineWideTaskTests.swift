import AnabranchCore
import Testing

@testable import Worker

/// Tasks that take several slots.
@Suite struct WorkerMachineWideTaskTests: WorkerMachineDriving {
    @Test func aTaskOfSeveralCoresTakesTheirSlots() {
        var machine = ready(slots: 3)
        let two = wide(2, threads: 2)
        let first = handle(&machine, .tasksArrived([task(1), two, task(3), native(4)]))
        #expect(sends(first) == [SlotIndex(0): [1], SlotIndex(1): [2]])
        #expect(machine.idleSlots == 0, "three slots are taken by two tasks")
        #expect(sends(handle(&machine, .runtimeAnswered(SlotIndex(0), [done(task(1))]))) == [SlotIndex(0): [3]])
        let last = handle(&machine, .runtimeAnswered(SlotIndex(1), [done(two)]))
        #expect(last.contains(.runNative(SlotIndex(1), [native(4)])))
    }

    @Test func nothingPassesATaskThatWaitsForItsCores() {
        var machine = ready(slots: 2)
        let two = wide(2, threads: 2)
        #expect(sends(handle(&machine, .tasksArrived([task(1), two, task(3)]))) == [SlotIndex(0): [1]])
        #expect(sends(handle(&machine, .runtimeAnswered(SlotIndex(0), [done(task(1))]))) == [SlotIndex(0): [2]])
        #expect(sends(handle(&machine, .runtimeAnswered(SlotIndex(0), [done(two)]))) == [SlotIndex(0): [3]])
    }

    @Test(arguments: [(1, 1), (4, 1), (5, 2), (8, 2), (9, 3), (4_000_000_000, 3)] as [(UInt32, Int)])
    func coresAreCountedInWholeSlots(threads: UInt32, slots: Int) {
        var machine = WorkerMachine(slots: 3, threadsPerSlot: 4, host: "here")
        for slot in 0..<3 { _ = handle(&machine, .runtimeReady(SlotIndex(slot))) }
        _ = handle(&machine, .tasksArrived([wide(1, threads: threads)]))
        #expect(machine.idleSlots == 3 - slots)
    }
}
