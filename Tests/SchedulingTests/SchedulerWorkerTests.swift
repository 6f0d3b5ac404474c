import AnabranchCore
import Scheduling
import Testing

@Suite struct SchedulerWorkerTests {
    @Test func aWorkerThatJoinsLateGetsWorkAtOnce() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.ready(3)
        #expect(try machine.join(1, slots: 2).sent(to: 1) == [attempt(1), attempt(2)])
        #expect(try machine.join(2).sent(to: 2) == [attempt(3)])
    }

    @Test func aHelloSaidAgainChangesNothing() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.ready(2)
        #expect(try machine.join(1).isEmpty)
        #expect(try machine.join(1, slots: 2).sent == [attempt(2)])
    }

    @Test func aDrainingWorkerFinishesAndIsReleased() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1, slots: 2)
        try machine.ready(3)
        #expect(try machine.send(.workerDrainRequested(WorkerID(1))).isEmpty)
        #expect(try machine.end(1, 1) == [.complete(TaskID(1), attempt: 1)])
        let effects = try machine.end(1, 2, 1, .returned)
        #expect(effects == [.releaseWorker(WorkerID(1))])
        #expect(try machine.join(2, slots: 2).sent == [attempt(2, 2), attempt(3)])
        #expect(try machine.send(.workerLost(WorkerID(1))).isEmpty)
    }

    @Test func anIdleWorkerThatIsToDrainIsReleasedAtOnce() throws {
        var machine = Machine()
        try machine.join(1)
        #expect(try machine.send(.workerDrainRequested(WorkerID(1))) == [.releaseWorker(WorkerID(1))])
        #expect(try machine.send(.workerDrainRequested(WorkerID(1))).isEmpty)
    }

    @Test func aDrainingWorkerThatFallsSilentIsGivenUp() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.ready(1)
        try machine.send(.workerDrainRequested(WorkerID(1)))
        #expect(try machine.passLease() == [.workerSilent(WorkerID(1))])
        #expect(try machine.join(2) == [.dispatch(WorkerID(2), [attempt(1, 2)])])
        // It comes back with the result, which counts, and may go.
        let late = try machine.end(1, 1)
        #expect(late.first == .complete(TaskID(1), attempt: 1))
        #expect(late.last == .releaseWorker(WorkerID(1)))
    }

    @Test func aWorkerReturnsUnderItsIdWithWhatItStillRuns() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.ready(2)
        try machine.send(.workerLost(WorkerID(1)))
        #expect(try machine.send(.heartbeat(WorkerID(1), running: [attempt(1)])).isEmpty)
        #expect(machine.scheduler.counters.unknownWorker == 1)
        let effects = try machine.send(
            .workerJoined(WorkerOffer(worker: WorkerID(1), slots: 2, executors: ["python"])),
            .heartbeat(WorkerID(1), running: [attempt(1)]))
        #expect(effects.sent == [attempt(2)])
        #expect(try machine.end(1, 1) == [.complete(TaskID(1), attempt: 1)])
    }

    @Test func whatAHeartbeatListsOfEndedTasksIsCancelled() throws {
        var machine = Machine()
        try machine.join(1)
        #expect(try machine.heartbeat(1, [attempt(7)]) == [.cancel(WorkerID(1), [attempt(7)])])
    }

    @Test func aCancelThatWasLostIsSaidAgain() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.ready(1)
        let effects = try machine.send(.tasksCancelled([TaskID(1)]))
        #expect(effects == [.cancelled(TaskID(1)), .cancel(WorkerID(1), [attempt(1)])])
        #expect(try machine.ready(1).isEmpty, "the slot is not free before the worker says so")
        #expect(try machine.heartbeat(1, [attempt(1)]) == [.cancel(WorkerID(1), [attempt(1)])])
        #expect(try machine.end(1, 1, 1, .returned).sent == [attempt(2)])
    }

    @Test func eventsOfUnknownWorkersAreCounted() throws {
        var machine = Machine()
        try machine.send(.attemptStarted(WorkerID(9), attempt(1)), .workerLost(WorkerID(9)))
        try machine.heartbeat(9)
        #expect(machine.scheduler.counters.unknownWorker == 2)
    }
}
