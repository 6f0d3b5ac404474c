import AnabranchCore
import Scheduling
import Testing

@Suite struct SchedulerAheadTests {
    /// A worker of one slot that has task 2, of a class known to be short.
    private func started(took: UInt64 = 100) throws -> Machine {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.teach(took: took)
        try machine.ready(1)
        return machine
    }

    private func follow(_ machine: inout Machine, _ count: Int, after leader: UInt64 = 2) throws -> [SchedulerEffect] {
        try machine.send(.tasksFollow(machine.tasks(count), after: TaskID(leader)))
    }

    @Test func aChainIsSentWithItsFirstTaskAndAdmittedTaskByTask() throws {
        var machine = try started()
        #expect(
            try follow(&machine, 2) == [
                .sendAhead(WorkerID(1), attempt(3), after: attempt(2)),
                .sendAhead(WorkerID(1), attempt(4), after: attempt(3)),
            ])
        #expect(try machine.end(1, 2, took: 100) == [.complete(TaskID(2), attempt: 1), .admitted(TaskID(3))])
        let ended = [3, 4].map {
            SchedulerEvent.attemptEnded(WorkerID(1), attempt($0), .succeeded, computeMicroseconds: 100)
        }
        var effects: [SchedulerEffect] = []
        machine.scheduler.handle(ended, at: machine.now, effects: &effects)
        #expect(
            effects == [
                .complete(TaskID(3), attempt: 1), .admitted(TaskID(4)), .complete(TaskID(4), attempt: 1),
            ])
        try machine.scheduler.validate()
        #expect(machine.scheduler.liveTasks == 0)
    }

    @Test(arguments: [AttemptEnd.failed, .killedRuntime, .returned, .lost])
    func whatIsBehindATaskThatDidNotSucceedIsTakenBack(end: AttemptEnd) throws {
        var machine = try started()
        _ = try follow(&machine, 2)
        let effects = try machine.end(1, 2, 1, end)
        #expect(effects.contains(.withdrawn(TaskID(3))) && effects.contains(.withdrawn(TaskID(4))))
        #expect(Set(effects.cancelled(at: 1)) == [attempt(3), attempt(4)])
        // What the worker says of them is of no account.
        #expect(try machine.end(1, 3) == [.dropped(WorkerID(1), attempt(3))])
        #expect(try machine.end(1, 4, 1, .returned) == [])
    }

    @Test func aResultThatOvertakesTheOneItWaitsForDoesNotCount() throws {
        var machine = try started()
        _ = try follow(&machine, 2)
        let effects = try machine.end(1, 3)
        #expect(effects.contains(.dropped(WorkerID(1), attempt(3))))
        #expect(effects.contains(.withdrawn(TaskID(3))) && effects.contains(.withdrawn(TaskID(4))))
        #expect(try machine.end(1, 2, took: 100) == [.complete(TaskID(2), attempt: 1)])
    }

    @Test func theSuccessOfAnotherAttemptAdmitsNothing() throws {
        var machine = try started()
        try machine.passLease()
        try machine.join(2)
        // Attempt 1 is with the silent worker 1, attempt 2 runs at worker 2 with a task behind it.
        _ = try follow(&machine, 1)
        let effects = try machine.end(1, 2, 1)
        #expect(effects.contains(.complete(TaskID(2), attempt: 1)))
        #expect(effects.contains(.withdrawn(TaskID(3))))
        #expect(!effects.contains(.admitted(TaskID(3))))
    }

    @Test func aLostWorkersChainIsTakenBackAndCostsNoAttempt() throws {
        var machine = try started()
        _ = try follow(&machine, 2)
        let effects = try machine.send(.workerLost(WorkerID(1)))
        #expect(effects == [.withdrawn(TaskID(4)), .withdrawn(TaskID(3))])
        #expect(machine.scheduler.readyTasks == 1)
    }

    @Test func aCancelTakesWhatIsBehindAndLeavesWhatIsBefore() throws {
        var machine = try started()
        _ = try follow(&machine, 3)
        let effects = try machine.send(.tasksCancelled([TaskID(4)]))
        #expect(effects.contains(.cancelled(TaskID(4))))
        #expect(effects.contains(.withdrawn(TaskID(5))))
        #expect(try machine.end(1, 2, took: 100).contains(.admitted(TaskID(3))))
    }

    @Test func whatIsAheadHoldsNoSlotAndGivesUpNone() throws {
        var machine = try started()
        _ = try follow(&machine, 1)
        #expect(machine.scheduler.summary(of: WorkerID(1))?.busySlots == 1)
        #expect(machine.scheduler.summary(of: WorkerID(1))?.outstanding == 2)
        // The slot goes from the one to the other, not to what came meanwhile.
        try machine.ready(1, kind: 9)
        #expect(try machine.end(1, 2, took: 100).sent.isEmpty)
        #expect(try machine.end(1, 3, took: 100).sent == [attempt(4)])
    }

    @Test func aTaskThatAnotherSlotCouldRunIsNotSentAhead() throws {
        var machine = try started()
        try machine.ready(1, kind: 9)
        #expect(machine.scheduler.roomAhead(of: TaskID(2)) == nil)
        #expect(try follow(&machine, 1) == [.withdrawn(TaskID(4))])
    }

    @Test func aLongTaskIsNotFollowed() throws {
        var machine = try started(took: 10_000)
        #expect(machine.scheduler.roomAhead(of: TaskID(2)) == nil)
        #expect(try follow(&machine, 1) == [.withdrawn(TaskID(3))])
    }

    @Test func noMoreIsAheadThanAFewMilliseconds() throws {
        var machine = try started(took: 1_000)
        #expect(machine.scheduler.roomAhead(of: TaskID(2))?.count == 5)
        let effects = try follow(&machine, 7)
        #expect(effects.filter { if case .sendAhead = $0 { true } else { false } }.count == 5)
        #expect(effects.suffix(2) == [.withdrawn(TaskID(8)), .withdrawn(TaskID(9))])
        #expect(machine.scheduler.roomAhead(of: TaskID(2)) == nil)
    }
}
