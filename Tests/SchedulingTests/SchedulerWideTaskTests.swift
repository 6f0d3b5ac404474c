import AnabranchCore
import Scheduling
import Testing

@Suite struct SchedulerWideTaskTests {
    private let wide = TaskRequirements(cores: 2)

    @Test func aWideTaskTakesItsSlots() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1, slots: 4)
        let effects = try machine.ready(3, requires: TaskRequirements(cores: 2))
        #expect(effects.sent == [attempt(1), attempt(2)])
        #expect(machine.scheduler.summary(of: WorkerID(1))?.busySlots == 4)
    }

    @Test func narrowTasksDoNotStarveAWideOne() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1, slots: 2)
        try machine.ready(2)
        try machine.ready(1, priority: 1, requires: wide)
        try machine.ready(5)
        #expect(try machine.end(1, 1).sent.isEmpty, "the free slot is kept")
        #expect(try machine.end(1, 2).sent == [attempt(3)])
        #expect(try machine.end(1, 3).sent == [attempt(4), attempt(5)])
    }

    @Test func otherWorkersGoOnWhileOneWaitsForItsSlots() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1, slots: 2)
        try machine.join(2, slots: 2)
        try machine.ready(4)
        try machine.ready(1, priority: 1, requires: wide)
        try machine.ready(5)
        let first = try machine.end(1, 1).sent + machine.end(2, 2).sent
        #expect(first == [attempt(6)], "one worker waits, the other takes the next narrow task")
    }

    @Test func aTaskWiderThanAnyWorkerTakesAllOfTheWidest() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1, slots: 1)
        try machine.join(2, slots: 3)
        #expect(try machine.ready(1, requires: TaskRequirements(cores: 16)).sent(to: 2) == [attempt(1)])
        #expect(machine.scheduler.summary(of: WorkerID(2))?.busySlots == 3)
    }

    @Test func coresAreCountedInTheSlotsOfEachWorker() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.send(
            .workerJoined(WorkerOffer(worker: WorkerID(1), slots: 2, coresPerSlot: 1, executors: ["python"])),
            .workerJoined(WorkerOffer(worker: WorkerID(2), slots: 2, coresPerSlot: 4, executors: ["python"])))
        // Only the second has five, and needs both its slots for them.
        #expect(try machine.ready(1, requires: TaskRequirements(cores: 5)).sent(to: 2) == [attempt(1)])
        #expect(machine.scheduler.summary(of: WorkerID(2))?.busySlots == 2)
        try machine.end(2, 1)
        // Four are one slot there.
        #expect(try machine.ready(2, requires: TaskRequirements(cores: 4)).sent(to: 2) == [attempt(2), attempt(3)])
        #expect(try machine.ready(1, requires: TaskRequirements(cores: 2)).sent(to: 1) == [attempt(4)])
    }

    @Test func aReservationEndsWithItsWorker() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1, slots: 2)
        try machine.ready(2)
        try machine.ready(1, requires: wide)
        try machine.end(1, 1)
        try machine.join(2, slots: 2)
        #expect(try machine.send(.workerDrainRequested(WorkerID(1))).sent(to: 2) == [attempt(3)])
    }

    @Test func aReservedTaskCanBeCancelled() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1, slots: 2)
        try machine.ready(2)
        try machine.ready(1, requires: wide)
        try machine.ready(1)
        try machine.end(1, 1)
        let effects = try machine.send(.tasksCancelled([TaskID(3)]))
        #expect(effects == [.cancelled(TaskID(3)), .dispatch(WorkerID(1), [attempt(4)])])
    }
}
