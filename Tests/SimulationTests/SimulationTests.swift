import Foundation
import Scheduling
import Testing

/// Seeded schedules of the real scheduler. `ANABRANCH_SIM_SEED` repeats one; `ANABRANCH_SIM_SCHEDULES` sets how many.
@Suite struct SimulationTests {
    static func simulation(seed: UInt64) -> Simulation {
        var random = SplitMix64(seed: seed)
        let workload = Workload.random(&random)
        return Simulation(seed: seed, workload: workload, plan: .random(&random))
    }

    @Test(.timeLimit(.minutes(30))) func everyScheduleEndsWithEachEffectOnce() throws {
        let environment = ProcessInfo.processInfo.environment
        if let seed = environment["ANABRANCH_SIM_SEED"].flatMap({ UInt64($0) }) {
            try Self.simulation(seed: seed).run()
            return
        }
        let schedules = environment["ANABRANCH_SIM_SCHEDULES"].flatMap { UInt64($0) } ?? 1_000
        var failures = 0
        for seed in 1...max(schedules, 1) {
            do {
                try Self.simulation(seed: seed).run()
            } catch {
                Issue.record("\(error)")
                failures += 1
                if failures == 3 { break }
            }
        }
    }

    /// Schedules that never come to a rule say nothing of it.
    @Test func schedulesComeToEveryRule() throws {
        var standings: Set<WorkerStanding> = []
        var seen = SchedulerCounters()
        var ends: Set<String> = []
        for seed in UInt64(1)...150 {
            let simulation = Self.simulation(seed: seed)
            try simulation.run(validating: false)
            standings.formUnion(simulation.standings)
            let counters = simulation.scheduler.counters
            seen.lost += counters.lost
            seen.recalled += counters.recalled
            seen.adopted += counters.adopted
            seen.dropped += counters.dropped
            seen.unknownWorker += counters.unknownWorker
            for end in simulation.ledger.ends.values { ends.insert(String("\(end)".prefix { $0 != "(" })) }
        }
        #expect(standings == [.active, .silent, .draining, .drainingSilent, .released])
        #expect(seen.lost > 0 && seen.adopted > 0 && seen.dropped > 0 && seen.unknownWorker > 0)
        #expect(seen.recalled > 0)
        #expect(ends == ["complete", "fail", "failLost", "cancelled"])
    }

    @Test func aSeedTellsTheSameStory() throws {
        for seed in UInt64(1)...20 {
            let stories = try (0..<2).map { _ in
                let simulation = Self.simulation(seed: seed)
                try simulation.run()
                return simulation.story
            }
            #expect(stories[0] == stories[1], "seed \(seed)")
        }
    }
}
