import AnabranchCore
import Scheduling
import Testing

@Suite struct SchedulerCreditTests {
    @Test func unknownTasksFillSlotsAndNoMore() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1, slots: 2)
        let effects = try machine.ready(10)
        #expect(effects == [.dispatch(WorkerID(1), [attempt(1), attempt(2)])])
        #expect(try machine.end(1, 1).sent(to: 1) == [attempt(3)])
    }

    @Test func freeSlotsOfTheEmptiestWorkerAreFilledFirst() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1, slots: 1)
        try machine.join(2, slots: 3)
        let effects = try machine.ready(3)
        #expect(effects.sent(to: 2) == [attempt(1), attempt(2)])
        #expect(effects.sent(to: 1) == [attempt(3)])
    }

    @Test func longTasksAreNeverQueuedAtAWorker() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.teach(took: 10_000)
        #expect(try machine.ready(10).sent.count == 1)
    }

    @Test func whatIsRefusedBeforeItRunsSaysNothingOfItsKindsLength() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.ready(3)
        #expect(try machine.end(1, 1, 1, .failed, took: 0).sent == [attempt(2)])
        #expect(try machine.ready(100).sent.isEmpty)
        // A failure that took its time does: a search of fits that all fail is not sent one by one.
        #expect(try machine.end(1, 2, 1, .failed, took: 100).sent.count > 1)
    }

    @Test(arguments: [(took: 1, least: 200), (took: 150, least: 32), (took: 1_000, least: 4)])
    func tinyTasksAreQueuedForAFewMilliseconds(took: UInt64, least: Int) throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.teach(took: took)
        let effects = try machine.ready(1_000)
        #expect(effects.sent.count >= least)
        #expect(effects.sent.count <= 257)
        #expect(effects.count <= 5, "messages hold up to 64 attempts")
    }

    @Test func tinyTasksAreQueuedForEachSlot() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1, slots: 4)
        try machine.teach(took: 1)
        let sent = try machine.ready(2_000).sent.count
        #expect(sent > 4 * 200 && sent <= 4 * 257)
    }

    @Test func aLongTaskThatIsNextStopsTheQueueingOfTinyOnes() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.teach(kind: 1, took: 100)
        try machine.ready(1, kind: 1)
        try machine.ready(1, kind: 2, priority: 9)
        #expect(try machine.ready(50, kind: 1).sent.isEmpty)
        #expect(try machine.end(1, 2).sent == [attempt(3)])
    }

    @Test func tinyTasksAreNotQueuedBehindLongOnes() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.teach(kind: 1, took: 100)
        try machine.ready(1, kind: 2)
        #expect(try machine.ready(50, kind: 1).sent.isEmpty)
    }

    @Test func fewTinyTasksAreSpreadOverTheWorkers() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.teach(took: 100)
        try machine.join(2)
        let effects = try machine.ready(20)
        #expect(effects.sent(to: 1).count == 10)
        #expect(effects.sent(to: 2).count == 10)
    }

    @Test func queuesAreRefilledInBatches() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.teach(took: 100)
        var waiting = try machine.ready(500).sent
        var messages = 0
        while !waiting.isEmpty {
            let first = waiting.removeFirst()
            let effects = try machine.end(1, first.task.rawValue, first.number, .succeeded, took: 100)
            waiting += effects.sent
            messages += effects.count { if case .dispatch = $0 { true } else { false } }
            #expect(waiting.count >= 25 || machine.scheduler.readyTasks == 0)
        }
        #expect(messages <= 50)
    }

    @Test func whatWaitsBehindASlowTaskIsTakenBackForAnIdleWorker() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.teach(took: 100)
        try machine.ready(20)
        try machine.join(2)
        #expect(machine.scheduler.nextDeadline == machine.now.advanced(by: 5_000))
        machine.pass(5_000)
        let effects = try machine.send(.tick)
        #expect(effects.cancelled(at: 1) == (3...21).map { attempt($0) })
        try machine.end(1, 3, 1, .returned)
        let moved = try machine.end(1, 4, 1, .returned)
        #expect(moved.sent(to: 1).isEmpty)
        #expect(moved.sent(to: 2) == [attempt(4, 2)])
        // It had begun all the same: the result counts.
        #expect(try machine.end(1, 5).contains(.complete(TaskID(5), attempt: 1)))
    }

    @Test func tasksWaitForAWorkerWithTheirExecutor() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1, slots: 2)
        #expect(try machine.ready(3, requires: TaskRequirements(executor: "spark")).sent.isEmpty)
        #expect(machine.scheduler.unplaceable == ["spark": 3])
        #expect(machine.scheduler.awaitedExecutors(of: RunID(1)) == ["spark"])
        #expect(try machine.ready(1).sent == [attempt(4)])
        let effects = try machine.join(2, executors: ["spark", "native"])
        #expect(effects.sent(to: 2) == [attempt(1)])
        #expect(machine.scheduler.unplaceable.isEmpty)
        #expect(machine.scheduler.awaitedExecutors(of: RunID(1)).isEmpty)
    }

    @Test func aTaskForOneWorkerWaitsForThatOne() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1, slots: 4)
        #expect(try machine.ready(2, requires: TaskRequirements(worker: WorkerID(2))).sent.isEmpty)
        #expect(machine.scheduler.awaitedWorkers(of: RunID(1)) == [WorkerID(2)])
        #expect(machine.scheduler.awaitedExecutors(of: RunID(1)).isEmpty)
        #expect(try machine.join(2, slots: 2).sent(to: 2) == [attempt(1), attempt(2)])
        #expect(machine.scheduler.awaitedWorkers(of: RunID(1)).isEmpty)
        // What was lost with it waits for it again.
        #expect(try machine.send(.workerLost(WorkerID(2))).sent.isEmpty)
        #expect(machine.scheduler.awaitedWorkers(of: RunID(1)) == [WorkerID(2)])
    }

    @Test func noExecutorIsMissingWhereThereIsNoWorker() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.ready(1, requires: TaskRequirements(executor: "spark"))
        #expect(machine.scheduler.awaitedExecutors(of: RunID(1)).isEmpty)
        try machine.join(1)
        #expect(machine.scheduler.awaitedExecutors(of: RunID(1)) == ["spark"])
        try machine.ready(1, requires: TaskRequirements(executor: "python"))
        #expect(machine.scheduler.awaitedExecutors(of: RunID(1)) == ["spark"])
    }
}
