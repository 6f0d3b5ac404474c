import AnabranchCore
import Scheduling
import Testing

@testable import anabranch_stress

/// One long task among many short ones, whose lengths nobody has told the scheduler.
@Suite struct MakespanTests {
    enum Place: CaseIterable { case first, middle, last }

    private static func durations(_ place: Place, count: Int, short: UInt64, long: UInt64) -> [UInt64] {
        var durations = Array(repeating: short, count: count)
        let index =
            switch place {
            case .first: 0
            case .middle: count / 2
            case .last: count
            }
        durations.insert(long, at: index)
        return durations
    }

    /// What a scheduler without any cost does that gives each task, in order, to the slot that is free first.
    private static func greedy(_ durations: [UInt64], slots: Int) -> UInt64 {
        var free = Array(repeating: UInt64(0), count: slots)
        for duration in durations {
            let next = free.indices.min { free[$0] < free[$1] } ?? 0
            free[next] += duration
        }
        return free.max() ?? 0
    }

    private static func simulation(_ durations: [UInt64], slots: [UInt32]) -> Simulation {
        let tasks = durations.enumerated().map { index, duration in
            SimulatedTask(
                ready: ReadyTask(
                    task: TaskID(UInt64(index + 1)), taskClass: TaskClass(run: RunID(1), kind: 0)),
                duration: duration)
        }
        let run = SimulatedRun(id: RunID(1), isSession: true, tasks: tasks, opensAt: Instant(microseconds: 0))
        let workers = slots.enumerated().map { index, slots in
            WorkerOffer(worker: WorkerID(UInt64(index + 1)), slots: slots, executors: ["python"])
        }
        return Simulation(seed: 1, workload: Workload(runs: [run], workers: workers))
    }

    @Test(arguments: Place.allCases, [[1, 1], [2]] as [[UInt32]])
    func oneLongTaskAmongShortOnesEndsNearGreedy(place: Place, slots: [UInt32]) throws {
        let durations = Self.durations(place, count: 1_000, short: 10_000, long: 10_000_000)
        let simulation = Self.simulation(durations, slots: slots)
        try simulation.run(validating: false)
        let best = Self.greedy(durations, slots: 2)
        #expect(Double(simulation.endedAt.microseconds) <= 1.05 * Double(best))
    }

    /// Short enough to be queued at workers: what is queued behind the long one must not wait for it.
    @Test(arguments: Place.allCases, [[1, 1], [2]] as [[UInt32]])
    func oneLongTaskAmongTinyOnesEndsNearGreedy(place: Place, slots: [UInt32]) throws {
        let durations = Self.durations(place, count: 6_000, short: 500, long: 1_500_000)
        let simulation = Self.simulation(durations, slots: slots)
        try simulation.run(validating: false)
        let best = Self.greedy(durations, slots: 2)
        #expect(Double(simulation.endedAt.microseconds) <= 1.05 * Double(best))
    }

    @Test func tinyTasksTravelInBatches() throws {
        let simulation = Self.simulation(Array(repeating: 10, count: 5_000), slots: [2, 2])
        try simulation.run(validating: false)
        #expect(simulation.messages * 20 <= 5_000)
        // Four slots are kept busy but for the way there and back of the first task.
        #expect(simulation.endedAt.microseconds <= 2 * 5_000 * 10 / 4)
    }
}
