import AnabranchCore
import Scheduling
import Testing

@testable import anabranch_stress

/// Keys are finished before new ones are opened.
@Suite struct OpenKeysTests {
    /// Each key takes a short task, whose result then waits in memory for a long one.
    @Test(arguments: [UInt64(50), 2_000, 20_000]) func memoryFollowsTheSlotsNotTheCandidates(short: UInt64) throws {
        let keys = 300
        let run = RunID(1)
        let tasks = (0..<keys).flatMap { key -> [SimulatedTask] in
            let first = TaskID(UInt64(2 * key + 1))
            let second = TaskID(UInt64(2 * key + 2))
            return [
                SimulatedTask(
                    ready: ReadyTask(task: first, taskClass: TaskClass(run: run, kind: 0)), duration: short),
                SimulatedTask(
                    ready: ReadyTask(task: second, taskClass: TaskClass(run: run, kind: 1), priority: 1),
                    duration: 100_000, dependencies: [first]),
            ]
        }
        let workload = Workload(
            runs: [SimulatedRun(id: run, isSession: false, tasks: tasks, opensAt: Instant(microseconds: 0))],
            workers: [WorkerOffer(worker: WorkerID(1), slots: 4, executors: ["python"])])
        let simulation = Simulation(seed: 5, workload: workload)
        try simulation.run(validating: false)
        var open = 0
        var most = 0
        for line in simulation.story {
            guard case .effects(_, let effects) = line else { continue }
            for effect in effects {
                guard case .complete(let task, _) = effect else { continue }
                open += simulation.ledger.original(task).rawValue.isMultiple(of: 2) ? -1 : 1
                most = max(most, open)
            }
        }
        #expect(open == 0)
        #expect(most <= 40, "\(most) keys were open at once with 4 slots")
    }
}
