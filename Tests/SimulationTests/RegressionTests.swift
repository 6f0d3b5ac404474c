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

    /// A plan was asked for tasks, had none, and then got back what had been sent ahead for nothing; nobody asked again.
    @Test func whatIsWithdrawnIsAskedForAfterwards() throws {
        let schedule = Schedule(
            seed: 404,
            workload: Workload(
                runs: [
                    .plan(
                        1, opensAt: 0, pushes: 1,
                        [
                            .task(1, 20_000), .task(3, 30), .task(4, 30), .task(5, 30), .task(6, 30), .task(10, 30),
                            .task(11, 30, priority: 8), .task(12, 30, after: [10]),
                        ])
                ],
                workers: [.offer(1, slots: 1, ["native", "python"])]),
            steps: [
                .delay(.up(1), message: 7, by: 2_400_000), .delay(.up(2), message: 2, by: 800_000),
                .delay(.down(3), message: 0, by: 1_200_000), .drain(at: 1_000_000, worker: 3),
                .join(at: 1_658_947, slots: 3), .join(at: 101_673, slots: 4),
            ])
        try schedule.simulation.run()
    }

    /// A task was offered behind another in the instant in which its worker was lost.
    @Test func nothingIsSentAheadToAWorkerThatIsLostTogetherWithTheOffer() throws {
        let schedule = Schedule(
            seed: 18364,
            workload: Workload(
                runs: [
                    .session(
                        1, opensAt: 66_974, pushes: 2,
                        [
                            .task(1, 1_000), .task(2, 30, kind: 2), .task(3, 30), .task(4, 6_000), .task(5, 1_000),
                            .task(6, 1_000), .task(7, 1_000), .task(8, 1_000, cores: 2), .task(9, 1_000, cores: 9),
                            .task(10, 1_000), .task(11, 30, kind: 2, cores: 9),
                        ]),
                    .plan(
                        2, opensAt: 150_967, pushes: 1,
                        [
                            .task(15, 300_000, kind: 1), .task(16, 1_000, after: [15]), .task(17, 1_000, after: [16]),
                            .task(18, 1_000, after: [17]),
                        ]),
                ],
                workers: [.offer(1, slots: 3, ["native", "python"]), .offer(2, slots: 4, ["native", "python"])]),
            steps: [
                .delay(.up(1), message: 3, by: 479_269), .delay(.up(1), message: 8, by: 1_100_000),
                .drain(at: 300_000, worker: 5),
                .crash(at: 1_900_000, worker: 0, noticed: 0, returns: nil, sameID: true),
                .stall(at: 1_600_000, length: 500_000),
            ])
        try schedule.simulation.run()
    }
}
