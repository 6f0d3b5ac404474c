import AnabranchCore
import Testing

@testable import Scheduling

/// A scheduler under test, validated after each event, with short ways to speak to it.
struct Machine {
    var scheduler: Scheduler
    var now = Instant(microseconds: 0)
    private var nextTask: UInt64 = 1

    static let lease: UInt64 = 1_000_000

    init(_ configuration: SchedulerConfiguration = SchedulerConfiguration(leaseMicroseconds: Machine.lease)) {
        scheduler = Scheduler(configuration: configuration)
    }

    @discardableResult
    mutating func send(_ events: SchedulerEvent...) throws -> [SchedulerEffect] {
        var effects: [SchedulerEffect] = []
        scheduler.handle(events, at: now, effects: &effects)
        try scheduler.validate()
        return effects
    }

    /// Lets a lease go by, in steps in which the coordinator is seen to live.
    @discardableResult
    mutating func passLease() throws -> [SchedulerEffect] {
        var effects: [SchedulerEffect] = []
        for _ in 0..<4 {
            pass(Machine.lease / 4)
            effects += try send(.tick)
        }
        return effects
    }

    mutating func pass(_ microseconds: UInt64) { now = now.advanced(by: microseconds) }

    @discardableResult
    mutating func join(_ id: UInt64, slots: UInt32 = 1, executors: Set<String> = ["python"]) throws -> [SchedulerEffect]
    {
        try send(.workerJoined(WorkerOffer(worker: WorkerID(id), slots: slots, executors: executors)))
    }

    /// A run that is never asked, as a session is.
    mutating func open(_ id: UInt64) throws { try send(.runOpened(RunID(id)), .runExhausted(RunID(id))) }

    /// New tasks; ids count up from 1.
    mutating func tasks(
        _ count: Int, run: UInt64 = 1, kind: UInt32 = 0, priority: UInt32 = 0,
        requires: TaskRequirements = TaskRequirements()
    ) -> [ReadyTask] {
        (0..<count).map { _ in
            defer { nextTask += 1 }
            return ReadyTask(
                task: TaskID(nextTask), taskClass: TaskClass(run: RunID(run), kind: kind), requirements: requires,
                priority: priority)
        }
    }

    @discardableResult
    mutating func ready(
        _ count: Int, run: UInt64 = 1, kind: UInt32 = 0, priority: UInt32 = 0,
        requires: TaskRequirements = TaskRequirements()
    ) throws -> [SchedulerEffect] {
        let tasks = tasks(count, run: run, kind: kind, priority: priority, requires: requires)
        return try send(.tasksReady(RunID(run), tasks))
    }

    @discardableResult
    mutating func end(
        _ worker: UInt64, _ task: UInt64, _ number: UInt32 = 1, _ end: AttemptEnd = .succeeded, took: UInt64 = 50_000
    ) throws -> [SchedulerEffect] {
        try send(.attemptEnded(WorkerID(worker), attempt(task, number), end, computeMicroseconds: took))
    }

    @discardableResult
    mutating func heartbeat(_ worker: UInt64, _ running: [Attempt] = []) throws -> [SchedulerEffect] {
        try send(.heartbeat(WorkerID(worker), running: running))
    }

    /// Lets a class of run 1 be known for tasks of `took` microseconds, on a worker that is free.
    mutating func teach(kind: UInt32 = 0, run: UInt64 = 1, worker: UInt64 = 1, took: UInt64) throws {
        let id = nextTask
        try ready(1, run: run, kind: kind)
        try end(worker, id, 1, .succeeded, took: took)
    }
}

func attempt(_ task: UInt64, _ number: UInt32 = 1) -> Attempt { Attempt(task: TaskID(task), number: number) }

extension [SchedulerEffect] {
    /// Attempts sent to a worker, in order.
    func sent(to worker: UInt64) -> [Attempt] {
        flatMap { effect -> [Attempt] in
            if case .dispatch(WorkerID(worker), let attempts) = effect { return attempts }
            return []
        }
    }

    /// Attempts sent to anyone.
    var sent: [Attempt] {
        flatMap { effect -> [Attempt] in
            if case .dispatch(_, let attempts) = effect { return attempts }
            return []
        }
    }

    func cancelled(at worker: UInt64) -> [Attempt] {
        flatMap { effect -> [Attempt] in
            if case .cancel(WorkerID(worker), let attempts) = effect { return attempts }
            return []
        }
    }

    var asked: [Int] {
        compactMap { effect -> Int? in
            if case .replenish(_, let count) = effect { return count }
            return nil
        }
    }
}
