import AnabranchCore
import Scheduling
import Testing

@testable import anabranch_stress

@Suite struct FairnessTests {
    /// Sessions with `counts` tasks each, all there from the start, and no faults.
    private static func simulation(
        _ counts: [Int], seed: UInt64, slots: [UInt32], wide: (every: Int, slots: UInt32)? = nil, duration: UInt64
    ) -> Simulation {
        var nextTask: UInt64 = 1
        let runs = counts.enumerated().map { index, count in
            let id = RunID(UInt64(index + 1))
            let tasks = (0..<count).map { place in
                defer { nextTask += 1 }
                let isWide = wide.map { place % $0.every == 0 } ?? false
                return SimulatedTask(
                    ready: ReadyTask(
                        task: TaskID(nextTask), taskClass: TaskClass(run: id, kind: isWide ? 1 : 0),
                        requirements: TaskRequirements(cores: isWide ? wide?.slots ?? 1 : 1)),
                    duration: duration)
            }
            return SimulatedRun(id: id, isSession: true, tasks: tasks, opensAt: Instant(microseconds: 0))
        }
        let workers = slots.enumerated().map { index, slots in
            WorkerOffer(worker: WorkerID(UInt64(index + 1)), slots: slots, executors: ["python"])
        }
        return Simulation(seed: seed, workload: Workload(runs: runs, workers: workers))
    }

    /// Tasks in the order in which they were sent.
    private static func order(_ simulation: Simulation) -> [TaskID] {
        simulation.story.flatMap { line -> [TaskID] in
            guard case .effects(_, let effects) = line else { return [] }
            return effects.flatMap { effect -> [TaskID] in
                guard case .dispatch(_, let attempts) = effect else { return [] }
                return attempts.filter { $0.number == 1 }.map(\.task)
            }
        }
    }

    @Test(arguments: [UInt64(100), 50_000], [[1], [2, 2], [1, 3, 4]] as [[UInt32]])
    func runsAreServedAlikeWhileAllHaveTasks(duration: UInt64, slots: [UInt32]) throws {
        let simulation = Self.simulation([200, 200, 200], seed: 3, slots: slots, duration: duration)
        try simulation.run(validating: false)
        var served: [RunID: Int] = [:]
        // Messages of one moment stand in the order of workers, so a moment's worth may be apart.
        let most = duration < 5_000 ? 60 : 1 + slots.count
        for task in Self.order(simulation) {
            guard let run = simulation.ledger.runs[task] else { continue }
            served[run, default: 0] += 1
            let counts = (1...3).map { served[RunID($0)] ?? 0 }
            guard let least = counts.min(), let greatest = counts.max(), greatest < 200 else { break }
            #expect(greatest - least <= most)
        }
    }

    @Test func aSmallRunIsNotMadeToWaitForALargeOne() throws {
        let simulation = Self.simulation([2_000, 10], seed: 4, slots: [2], duration: 20_000)
        try simulation.run(validating: false)
        let order = Self.order(simulation)
        let last = order.lastIndex { simulation.ledger.runs[$0] == RunID(2) }
        #expect(try #require(last) <= 22)
    }

    @Test(arguments: 1...20)
    func wideTasksRunInTheirTurn(seed: Int) throws {
        let simulation = Self.simulation(
            [120], seed: UInt64(seed), slots: seed.isMultiple(of: 2) ? [4] : [3, 4], wide: (10, 3),
            duration: seed < 10 ? 200 : 30_000)
        try simulation.run()
        let order = Self.order(simulation)
        #expect(order.count == 120)
        for (place, task) in order.enumerated() where (task.rawValue - 1).isMultiple(of: 10) {
            // Behind it the narrow ones of all slots, and of one queue where they are short, may have overtaken it.
            #expect(place <= Int(task.rawValue) + (seed < 10 ? 60 : 10), "task \(task) was sent as number \(place)")
        }
    }
}
