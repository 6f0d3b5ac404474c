import Foundation
import Scheduling
import Testing

/// Seeded schedules of the real scheduler. `ANABRANCH_SIM_SEED` repeats one; `ANABRANCH_SIM_SCHEDULES` sets how many.
@Suite struct SimulationTests {
    @Test(.timeLimit(.minutes(30))) func everyScheduleEndsWithEachEffectOnce() throws {
        let environment = ProcessInfo.processInfo.environment
        if let seed = environment["ANABRANCH_SIM_SEED"].flatMap({ UInt64($0) }) {
            Self.report(Schedule(seed: seed))
            return
        }
        let schedules = environment["ANABRANCH_SIM_SCHEDULES"].flatMap { UInt64($0) } ?? 1_000
        var failures = 0
        for seed in 1...max(schedules, 1) where failures < 3 {
            if Self.report(Schedule(seed: seed)) { failures += 1 }
        }
    }

    /// Whether the schedule fails; if so, its shortest form is told.
    @discardableResult
    private static func report(_ schedule: Schedule) -> Bool {
        guard let shortest = schedule.shrunk(failure: failure) else { return false }
        Issue.record("\(shortest.failure)\nin its shortest form:\n  \(shortest.schedule)")
        return true
    }

    private static func failure(_ schedule: Schedule) -> SimulationFailure? {
        let simulation = schedule.simulation
        do {
            try simulation.run()
            return nil
        } catch {
            return error as? SimulationFailure ?? simulation.failure("\(error)")
        }
    }

    /// Schedules that never come to a rule say nothing of it.
    @Test func schedulesComeToEveryRule() throws {
        var standings: Set<WorkerStanding> = []
        var seen = SchedulerCounters()
        var ends: Set<String> = []
        for seed in UInt64(1)...150 {
            let simulation = Schedule(seed: seed).simulation
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
                let simulation = Schedule(seed: seed).simulation
                try simulation.run()
                return simulation.story
            }
            #expect(stories[0] == stories[1], "seed \(seed)")
        }
    }
}
