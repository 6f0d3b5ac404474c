import AnabranchCore
import Testing

@testable import Scheduling

@Suite struct SchedulerRunTests {
    @Test func whatRunsAskedOfWorkersIsForgottenWithThem() throws {
        var machine = Machine()
        try machine.join(1, slots: 64)
        for run in 1...60 as ClosedRange<UInt64> {
            try machine.open(run)
            try machine.ready(1, run: run, requires: TaskRequirements(cores: UInt32(run)))
            if run > 1 { try machine.send(.runClosed(RunID(run - 1))) }
        }
        #expect(machine.scheduler.queue.shapes.count <= 2)
        try machine.open(61)
        #expect(try machine.ready(2, run: 61, requires: TaskRequirements(cores: 2)).sent.count <= 2)
    }

    @Test func runsTakeTurnsSlotBySlot() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.open(2)
        try machine.ready(5, run: 1)
        try machine.ready(5, run: 2)
        #expect(try machine.join(1, slots: 4).sent == [attempt(1), attempt(6), attempt(2), attempt(7)])
    }

    @Test func aRunThatComesLateTakesTurnsFromThen() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.ready(9, run: 1)
        for task in 1...4 { try machine.end(1, UInt64(task)) }
        try machine.open(2)
        try machine.ready(3, run: 2)
        var order: [UInt64] = []
        var next = attempt(5)
        for _ in 0..<5 {
            let sent = try machine.end(1, next.task.rawValue).sent
            next = try #require(sent.first)
            order.append(next.task.rawValue)
        }
        #expect(order == [10, 6, 11, 7, 12])
    }

    @Test func deeperThenLongerThenFirst() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.teach(kind: 1, took: 20_000)
        try machine.teach(kind: 2, took: 900_000)
        try machine.ready(1, kind: 1)
        try machine.ready(2, kind: 1)
        try machine.ready(2, kind: 2)
        try machine.ready(1, kind: 1, priority: 3)
        var order: [UInt64] = []
        var next: UInt64? = 3
        while let task = next {
            next = try machine.end(1, task, took: task == 6 || task == 7 ? 900_000 : 20_000).sent.first?.task.rawValue
            if let next { order.append(next) }
        }
        #expect(order == [8, 6, 7, 4, 5])
    }

    @Test func replenishFollowsTheSlotsAndIsAskedOnce() throws {
        var machine = Machine()
        try machine.join(1, slots: 4)
        let first = try machine.send(.runOpened(RunID(1)))
        #expect(first == [.replenish(RunID(1), count: 8)])
        #expect(try machine.heartbeat(1).isEmpty, "the question stands")
        #expect(try machine.ready(8).asked.isEmpty)
        try machine.end(1, 1)
        try machine.end(1, 2)
        #expect(try machine.end(1, 3).asked == [3])
    }

    @Test func anEmptyAnswerIsAskedAgainWhenATaskHasEnded() throws {
        var machine = Machine()
        try machine.join(1, slots: 2)
        try machine.send(.runOpened(RunID(1)))
        let tasks = machine.tasks(1)
        #expect(try machine.send(.tasksReady(RunID(1), tasks)).asked.count == 1)
        #expect(try machine.send(.tasksReady(RunID(1), [])).asked.isEmpty)
        #expect(try machine.heartbeat(1).asked.isEmpty)
        #expect(try machine.end(1, 1).asked.count == 1)
    }

    @Test func anEmptyAnswerGivenBeforeATaskEndedIsNotTheLastWord() throws {
        var machine = Machine()
        try machine.join(1, slots: 2)
        try machine.send(.runOpened(RunID(1)))
        let tasks = machine.tasks(1)
        try machine.send(.tasksReady(RunID(1), tasks))
        let effects = try machine.send(
            .attemptEnded(WorkerID(1), attempt(1), .succeeded, computeMicroseconds: 1), .tasksReady(RunID(1), []))
        #expect(effects.asked.count == 1)
    }

    @Test func anExhaustedRunIsNotAsked() throws {
        var machine = Machine()
        try machine.join(1, slots: 2)
        try machine.open(1)
        #expect(try machine.ready(1).asked.isEmpty)
        #expect(try machine.end(1, 1).asked.isEmpty)
    }

    @Test func readyTasksFollowTheSlotsNotTheCandidates() throws {
        var machine = Machine()
        try machine.join(1, slots: 4)
        var effects = try machine.send(.runOpened(RunID(1)))
        var running: [Attempt] = []
        var most = 0
        for _ in 0..<300 {
            running += effects.sent
            most = max(most, machine.scheduler.readyTasks)
            if let count = effects.asked.first {
                effects = try machine.ready(count)
            } else {
                let first = running.removeFirst()
                effects = try machine.end(1, first.task.rawValue)
            }
        }
        #expect(most <= 8)
    }

    @Test func aCancelledRunEndsAtOnce() throws {
        var machine = Machine()
        try machine.join(1)
        try machine.send(.runOpened(RunID(1)))
        try machine.ready(3)
        let effects = try machine.send(.runCancelled(RunID(1)))
        let cancelled: [SchedulerEffect] = [2, 3, 1].map { .cancelled(TaskID($0)) }
        #expect(effects == cancelled + [.cancel(WorkerID(1), [attempt(1)])])
        #expect(try machine.ready(1) == [.cancelled(TaskID(4))])
        #expect(try machine.end(1, 1) == [.dropped(WorkerID(1), attempt(1))])
        #expect(machine.scheduler.tasks(of: RunID(1)) == (0, 0))
    }

    @Test func aClosedRunIsForgotten() throws {
        var machine = Machine()
        try machine.join(1)
        try machine.open(1)
        try machine.ready(3)
        #expect(try machine.send(.runClosed(RunID(1))) == [.cancel(WorkerID(1), [attempt(1)])])
        #expect(machine.scheduler.liveTasks == 0)
        try machine.open(2)
        try machine.ready(1, run: 2)
        #expect(try machine.end(1, 1, 1, .returned).sent == [attempt(4)])
    }

    @Test func cancelOfWaitingTasksLeavesTheOthersInOrder() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.ready(6)
        try machine.send(.tasksCancelled([TaskID(1), TaskID(3), TaskID(4), TaskID(5)]))
        #expect(try machine.join(1, slots: 6).sent == [attempt(2), attempt(6)])
    }

    @Test func aBugOfOursIsRecordedWithTheStory() throws {
        var scheduler = Scheduler()
        var effects: [SchedulerEffect] = []
        let task = ReadyTask(task: TaskID(1), taskClass: TaskClass(run: RunID(1), kind: 0))
        scheduler.handle(.runOpened(RunID(1)), at: Instant(microseconds: 0), effects: &effects)
        scheduler.handle(.tasksReady(RunID(1), [task, task]), at: Instant(microseconds: 0), effects: &effects)
        #expect(throws: SchedulerFault.self) { try scheduler.validate() }
        #expect(scheduler.faults.first?.story.contains("waits") == true)
    }
}
