import AnabranchCore
import Scheduling

// Short words for schedules that are written down.
extension SimulatedRun {
    static func session(_ id: UInt64, opensAt: UInt64 = 0, pushes: Int = 1, _ tasks: [SimulatedTask]) -> SimulatedRun {
        make(id, isSession: true, opensAt, pushes, tasks)
    }

    static func plan(_ id: UInt64, opensAt: UInt64 = 0, pushes: Int = 1, _ tasks: [SimulatedTask]) -> SimulatedRun {
        make(id, isSession: false, opensAt, pushes, tasks)
    }

    private static func make(
        _ id: UInt64, isSession: Bool, _ opensAt: UInt64, _ pushes: Int, _ tasks: [SimulatedTask]
    ) -> SimulatedRun {
        var owned = tasks
        for index in owned.indices { owned[index].ready.taskClass.run = RunID(id) }
        return SimulatedRun(
            id: RunID(id), isSession: isSession, tasks: owned, opensAt: Instant(microseconds: opensAt), pushes: pushes)
    }
}

extension SimulatedTask {
    /// Its class is of the run that it is given to.
    static func task(
        _ id: UInt64, _ duration: UInt64, kind: UInt32 = 0, priority: UInt32 = 0, cores: UInt32 = 1,
        executor: String = "python", retries: UInt32 = 0, maxAttempts: UInt32 = 1_000, script: Script = .succeeds,
        after dependencies: [UInt64] = []
    ) -> SimulatedTask {
        SimulatedTask(
            ready: ReadyTask(
                task: TaskID(id), taskClass: TaskClass(run: RunID(0), kind: kind),
                requirements: TaskRequirements(
                    executor: executor, cores: cores, retries: retries, maxAttempts: maxAttempts), priority: priority),
            duration: duration, script: script, dependencies: dependencies.map { TaskID($0) })
    }
}

extension WorkerOffer {
    static func offer(_ id: UInt64, slots: UInt32, _ executors: [String] = ["python"]) -> WorkerOffer {
        WorkerOffer(worker: WorkerID(id), slots: slots, executors: Set(executors))
    }
}
