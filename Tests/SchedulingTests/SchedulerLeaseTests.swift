import AnabranchCore
import Scheduling
import Testing

@Suite struct SchedulerLeaseTests {
    private func running(attempts: UInt32 = 4, retries: UInt32 = 0) throws -> Machine {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.ready(1, requires: TaskRequirements(retries: retries, maxAttempts: attempts))
        return machine
    }

    @Test func heartbeatsRenewLeases() throws {
        var machine = try running()
        machine.pass(Machine.lease - 1)
        try machine.heartbeat(1, [attempt(1)])
        machine.pass(Machine.lease - 1)
        #expect(try machine.send(.tick).isEmpty)
    }

    @Test func aLapsedLeaseGoesElsewhereAndTheWorkerIsSilent() throws {
        var machine = try running()
        machine.pass(Machine.lease / 2 - 1)
        try machine.join(2)
        #expect(machine.scheduler.nextDeadline == Instant(microseconds: Machine.lease))
        machine.pass(Machine.lease / 2)
        #expect(try machine.send(.tick).isEmpty == true, "not yet")
        machine.pass(1)
        let effects = try machine.send(.tick)
        #expect(effects == [.workerSilent(WorkerID(1)), .dispatch(WorkerID(2), [attempt(1, 2)])])
        #expect(machine.scheduler.summary(of: WorkerID(1))?.standing == .silent)
    }

    @Test func nobodyIsSilentBecauseTheCoordinatorWasAway() throws {
        var machine = try running()
        machine.pass(10 * Machine.lease)
        #expect(try machine.send(.tick).isEmpty)
        let deadline = try #require(machine.scheduler.nextDeadline)
        try machine.heartbeat(1, [attempt(1)])
        machine.now = deadline
        #expect(try machine.send(.tick).isEmpty)
        machine.pass(Machine.lease / 3)
        try machine.send(.tick)
        machine.pass(Machine.lease / 3)
        try machine.send(.tick)
        machine.pass(Machine.lease / 3)
        #expect(try machine.send(.tick).first == .workerSilent(WorkerID(1)))
    }

    @Test func theLateResultOfALapsedLeaseCountsAndTheOtherAttemptIsCancelled() throws {
        var machine = try running()
        try machine.passLease()
        #expect(try machine.join(2).sent(to: 2) == [attempt(1, 2)])
        let effects = try machine.end(1, 1, 1)
        #expect(effects == [.complete(TaskID(1), attempt: 1), .cancel(WorkerID(2), [attempt(1, 2)])])
        #expect(try machine.end(2, 1, 2) == [.dropped(WorkerID(2), attempt(1, 2))])
        #expect(machine.scheduler.counters.dropped == 1)
    }

    @Test func aWorkerThatComesBackKeepsWhatNobodyElseHas() throws {
        var machine = try running()
        try machine.passLease()
        try machine.heartbeat(1, [attempt(1)])
        #expect(machine.scheduler.summary(of: WorkerID(1))?.standing == .active)
        #expect(try machine.join(2).isEmpty, "the task is not sent again")
        #expect(try machine.end(1, 1) == [.complete(TaskID(1), attempt: 1)])
    }

    @Test func anAttemptThatAHeartbeatDoesNotListWasLostOnTheWay() throws {
        var machine = try running()
        machine.pass(Machine.lease / 2)
        #expect(try machine.heartbeat(1).isEmpty, "it may still be on its way")
        machine.pass(Machine.lease / 2)
        #expect(try machine.heartbeat(1).sent(to: 1) == [attempt(1, 2)])
        #expect(try machine.end(1, 1, 1).contains(.complete(TaskID(1), attempt: 1)), "its late result counts")
    }

    @Test func lostWorkersUseUpTheAttempts() throws {
        var machine = try running(attempts: 2)
        try machine.send(.workerLost(WorkerID(1)))
        #expect(try machine.join(2).sent == [attempt(1, 2)])
        #expect(try machine.send(.workerLost(WorkerID(2))) == [.failLost(TaskID(1), attempts: 2)])
        #expect(machine.scheduler.liveTasks == 0)
    }

    @Test func whatWasOnlyQueuedAtALostWorkerKeepsItsAttempts() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.teach(took: 100)
        try machine.ready(3, requires: TaskRequirements(maxAttempts: 1))
        let effects = try machine.send(.workerLost(WorkerID(1)))
        #expect(effects == [.failLost(TaskID(2), attempts: 1)])
        #expect(try machine.join(2).sent == [attempt(3, 2), attempt(4, 2)])
    }

    @Test func aKilledRuntimeIsTriedAgainOnlyAsRetriesSay() throws {
        var machine = try running(retries: 1)
        #expect(try machine.end(1, 1, 1, .killedRuntime).sent == [attempt(1, 2)])
        #expect(try machine.end(1, 1, 2, .killedRuntime) == [.fail(TaskID(1), attempt: 2)])
    }

    @Test func aFailureIsFinalWhicheverAttemptItCameFrom() throws {
        var machine = try running()
        try machine.passLease()
        try machine.join(2)
        let effects = try machine.end(1, 1, 1, .failed)
        #expect(effects == [.fail(TaskID(1), attempt: 1), .cancel(WorkerID(2), [attempt(1, 2)])])
    }

    @Test func aStaleAttemptThatKilledItsRuntimeIsIgnored() throws {
        var machine = try running()
        try machine.passLease()
        try machine.join(2)
        #expect(try machine.end(1, 1, 1, .killedRuntime) == [.dropped(WorkerID(1), attempt(1))])
        #expect(try machine.end(2, 1, 2) == [.complete(TaskID(1), attempt: 2)])
    }

    @Test func doubledForeignAndInventedResultsAreDropped() throws {
        var machine = try running()
        try machine.join(2)
        #expect(try machine.end(2, 1) == [.dropped(WorkerID(2), attempt(1))], "another's attempt")
        #expect(try machine.end(1, 1, 7) == [.dropped(WorkerID(1), attempt(1, 7))], "never sent")
        #expect(try machine.end(1, 99) == [.dropped(WorkerID(1), attempt(99))], "no such task")
        #expect(try machine.end(1, 1) == [.complete(TaskID(1), attempt: 1)])
        #expect(try machine.end(1, 1) == [.dropped(WorkerID(1), attempt(1))])
        #expect(machine.scheduler.counters.dropped == 4)
    }

    @Test func theLastResultOfAWorkerThatWasLostCounts() throws {
        var machine = try running()
        try machine.send(.workerLost(WorkerID(1)))
        #expect(try machine.end(1, 1) == [.complete(TaskID(1), attempt: 1)])
    }

    @Test func workGivenBackCostsNoAttemptAndStopsTheFlow() throws {
        var machine = try running(attempts: 1)
        #expect(try machine.end(1, 1, 1, .returned).isEmpty, "it would only be given back again")
        machine.pass(1_000_000)
        #expect(try machine.heartbeat(1).sent == [attempt(1, 2)])
        #expect(try machine.end(1, 1, 2) == [.complete(TaskID(1), attempt: 2)])
    }
}
