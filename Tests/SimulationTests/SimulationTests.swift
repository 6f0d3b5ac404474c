import Testing

@testable import Scheduling
@testable import anabranch_stress

/// Seeded schedules of the real scheduler; `anabranch-stress schedules` runs them by the hundred thousand.
@Suite struct SimulationTests {
    @Test func everyScheduleEndsWithEachEffectOnce() {
        let outcome = ScheduleBulk(seeds: 1..<101, jobs: 2).run()
        #expect(outcome.schedules == 100)
        #expect(outcome.failures == [])
    }

    /// Schedules that never come to a rule say nothing of it.
    @Test func schedulesComeToEveryRule() throws {
        var seen = SchedulerCounters()
        var ends: Set<String> = []
        for seed in UInt64(1)...150 {
            let simulation = Schedule(seed: seed).simulation
            try simulation.run(validating: false)
            let counters = simulation.scheduler.counters
            seen.lost += counters.lost
            seen.recalled += counters.recalled
            seen.adopted += counters.adopted
            seen.dropped += counters.dropped
            seen.unknownWorker += counters.unknownWorker
            for end in simulation.ledger.ends.values { ends.insert(String("\(end)".prefix { $0 != "(" })) }
        }
        #expect(seen.lost > 0 && seen.adopted > 0 && seen.dropped > 0 && seen.unknownWorker > 0)
        #expect(seen.recalled > 0)
        #expect(ends == ["complete", "fail", "failLost", "cancelled"])
    }

    /// A transition that is not taken is named, and so is one that the diagram does not have.
    @Test func coverageNamesWhatIsMissing() {
        var diagram = StateDiagram<WorkerStanding>("worker", [(nil, .active), (.active, .silent), (.silent, nil)])
        diagram.saw(nil, .active)
        diagram.saw(.active, nil)
        diagram.saw(.silent, .released)
        #expect(
            diagram.gaps == [
                "worker: active → silent never happened", "worker: silent → nothing never happened",
                "worker: silent → released happened and is not in the diagram",
            ])
    }

    @Test func aSeedTellsTheSameStory() throws {
        for seed in UInt64(1)...20 {
            let stories = try (0..<2).map { _ in
                let simulation = Schedule(seed: seed).simulation
                try simulation.run()
                return simulation.story
            }
            #expect(stories[0] == stories[1], "seed \(seed)")
        }
    }
}
