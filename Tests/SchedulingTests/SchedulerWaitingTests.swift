import AnabranchCore
import Scheduling
import Testing

/// Tasks that wait for tasks which they submitted themselves.
@Suite struct SchedulerWaitingTests {
    private func waits(_ machine: inout Machine, _ attempts: Attempt...) throws -> [SchedulerEffect] {
        try machine.send(.attemptsWaiting(WorkerID(1), attempts))
    }

    @Test func aTaskThatWaitsHoldsNoSlot() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        #expect(try machine.ready(2).sent == [attempt(1)])
        #expect(try waits(&machine, attempt(1)).sent == [attempt(2)])
        #expect(machine.scheduler.summary(of: WorkerID(1))?.busySlots == 1)
    }

    @Test func oneThatGoesOnCountsAgain() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.ready(4)
        _ = try waits(&machine, attempt(1))
        #expect(try waits(&machine).sent.isEmpty, "the worker has two, and one slot")
        #expect(try machine.end(1, 2).sent.isEmpty, "the first one has the slot again")
        #expect(try machine.end(1, 1).sent == [attempt(3)])
    }

    @Test func fiveLevelsRunOnOneSlot() throws {
        var machine = Machine()
        try machine.join(1)
        var waiting: [Attempt] = []
        for level in 1...5 as ClosedRange<UInt64> {
            try machine.open(level)
            #expect(try machine.ready(1, run: level).sent == [attempt(level)])
            let effects = try machine.send(.attemptsWaiting(WorkerID(1), waiting + [attempt(level)]))
            #expect(effects.sent.isEmpty)
            waiting.append(attempt(level))
        }
        try machine.open(6)
        #expect(try machine.ready(1, run: 6).sent == [attempt(6)])
        try machine.end(1, 6)
        for level in (1...5 as ClosedRange<UInt64>).reversed() {
            waiting.removeLast()
            try machine.send(.attemptsWaiting(WorkerID(1), waiting))
            let effects = try machine.end(1, level)
            #expect(effects.contains(.complete(TaskID(level), attempt: 1)))
        }
        #expect(machine.scheduler.summary(of: WorkerID(1))?.busySlots == 0)
    }

    @Test func aWaitingTaskIsNotTakenForLost() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.ready(1)
        _ = try waits(&machine, attempt(1))
        for _ in 0..<8 {
            machine.pass(Machine.lease / 4)
            #expect(try machine.heartbeat(1, [attempt(1)]).isEmpty)
            #expect(try machine.send(.tick).isEmpty)
        }
        #expect(try machine.end(1, 1).contains(.complete(TaskID(1), attempt: 1)))
    }

    @Test func aWaitingTaskIsLostWithItsWorkerAndHoldsItsSlotAtTheNext() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.ready(1)
        _ = try waits(&machine, attempt(1))
        try machine.send(.workerLost(WorkerID(1)))
        #expect(try machine.join(2).sent == [attempt(1, 2)])
        #expect(try machine.ready(1).sent.isEmpty)
    }

    @Test func aWideTaskLendsAllItsSlots() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1, slots: 3)
        try machine.ready(1, requires: TaskRequirements(cores: 3))
        #expect(try machine.ready(4).sent.isEmpty)
        #expect(try waits(&machine, attempt(1)).sent == [attempt(2), attempt(3), attempt(4)])
    }

    @Test func attemptsThatItDoesNotHaveAreNobodysConcern() throws {
        var machine = Machine()
        try machine.open(1)
        try machine.join(1)
        try machine.ready(2)
        #expect(try waits(&machine, attempt(2), attempt(1, 7), attempt(99)).isEmpty)
        #expect(try machine.send(.attemptsWaiting(WorkerID(9), [attempt(1)])).isEmpty)
        #expect(try machine.end(1, 1).sent == [attempt(2)])
    }

    /// Waiting comes and goes at random, among ends, recalls and heartbeats: no task is lost, and whoever waits for a slot
    /// gets one in the end.
    @Test(arguments: 0..<200 as Range<UInt64>) func anyOrderEndsWell(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var pool = Pool()
        try pool.machine.open(1)
        for worker in 1...2 as ClosedRange<UInt64> {
            try pool.machine.join(worker, slots: UInt32.random(in: 1...3, using: &random))
        }
        pool.take(try pool.machine.ready(12))
        for _ in 0..<60 {
            pool.machine.pass(UInt64.random(in: 1...5_000, using: &random))
            let worker = WorkerID(UInt64.random(in: 1...2, using: &random))
            let mine = pool.held[worker] ?? []
            switch Int.random(in: 0..<4, using: &random) {
            case 0: try pool.send(.attemptsWaiting(worker, mine.filter { _ in random.happens(50) }))
            case 1: if let attempt = mine.randomElement(using: &random) { try pool.end(attempt, at: worker) }
            case 2: try pool.send(.heartbeat(worker, running: mine))
            default: try pool.send(.tick)
            }
        }
        for worker in pool.held.keys { try pool.send(.attemptsWaiting(worker, [])) }
        while let worker = pool.held.keys.filter({ pool.held[$0]?.isEmpty == false }).min(),
            let attempt = pool.held[worker]?.first
        {
            try pool.end(attempt, at: worker)
        }
        #expect(pool.completed == 12, "seed \(seed)")
    }

    /// Workers that do as they are told.
    private struct Pool {
        var machine = Machine()
        var held: [WorkerID: [Attempt]] = [:]
        var completed = 0
        private var returned: [(WorkerID, Attempt)] = []

        mutating func take(_ effects: [SchedulerEffect]) {
            for effect in effects {
                switch effect {
                case .dispatch(let worker, let attempts): held[worker, default: []] += attempts
                case .cancel(let worker, let attempts): returned += attempts.map { (worker, $0) }
                case .complete: completed += 1
                default: continue
                }
            }
        }

        mutating func send(_ event: SchedulerEvent) throws {
            take(try machine.send(event))
            while let (worker, attempt) = returned.popLast() {
                guard let place = held[worker]?.firstIndex(of: attempt) else { continue }
                held[worker]?.remove(at: place)
                take(try machine.send(.attemptEnded(worker, attempt, .returned, computeMicroseconds: 0)))
            }
        }

        mutating func end(_ attempt: Attempt, at worker: WorkerID) throws {
            held[worker]?.removeAll { $0 == attempt }
            try send(.attemptEnded(worker, attempt, .succeeded, computeMicroseconds: 20_000))
        }
    }
}
