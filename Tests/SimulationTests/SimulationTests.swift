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
