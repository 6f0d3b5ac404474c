import AnabranchCore
import Scheduling
import Testing

@testable import anabranch_stress

/// Schedules that once found a bug, in their shortest form. (Each was found again by undoing the mend.)
@Suite struct RegressionTests {
    /// The run asked for tasks, its plan said that there were none now, and the task that it waited for ended in between.
    @Test func anEmptyAnswerThatCrossesTheEndOfATaskIsNotFinal() throws {
        let schedule = Schedule(
            seed: 37,
            workload: Workload(
                runs: [.plan(1, [.task(1, 30), .task(2, 30, after: [1])])],
                workers: [.offer(1, slots: 1, ["native", "python"])]),
            steps: [])
        try schedule.simulation.run()
    }

    @Test func anAttemptFoundAndLostAgainCostsOnce() throws {
        let schedule = Schedule(
            seed: 1688,
            workload: Workload(
                runs: [.plan(2, [.task(6, 4_000_000, maxAttempts: 2), .task(10, 1_000)])],
                workers: [.offer(1, slots: 4, ["native", "python"])]),
            steps: [.delay(.up(1), message: 3, by: 1_300_000), .delay(.up(1), message: 16, by: 2_200_000)])
        try schedule.simulation.run()
    }
}
