import AnabranchCore
import Scheduling

/// A task as its author wrote it.
struct SimulatedTask: Equatable {
    /// What the user's code does.
    enum Script: Equatable {
        case succeeds
        case raises
        /// The first so many times that it runs, its runtime dies.
        case kills(times: Int)
    }

    var ready: ReadyTask
    var duration: UInt64
    var script = Script.succeeds
    /// Tasks of the same run that must complete first.
    var dependencies: [TaskID] = []

    var id: TaskID { ready.task }
}

struct SimulatedRun {
    var id: RunID
    /// Pushes its tasks; otherwise a plan that is asked for them.
    var isSession: Bool
    var tasks: [SimulatedTask]
    var opensAt: Instant
    /// A session's tasks come in so many pushes.
    var pushes = 1
}

struct Workload {
    var runs: [SimulatedRun]
    var workers: [WorkerOffer]

    /// A few runs of a few tasks each: what goes wrong does so with few.
    static func random(_ random: inout SplitMix64) -> Workload {
        var nextTask: UInt64 = 1
        let runs = (1...random.integer(1...3)).map { run(UInt64($0), &nextTask, &random) }
        let workers = (1...random.integer(1...3)).map { id in
            WorkerOffer(
                worker: WorkerID(UInt64(id)), slots: UInt32(random.integer(1...4)),
                executors: id == 1 || random.chance(0.8) ? ["python", "native"] : ["python"])
        }
        return Workload(runs: runs, workers: workers)
    }

    private static func run(_ id: UInt64, _ nextTask: inout UInt64, _ random: inout SplitMix64) -> SimulatedRun {
        let size = random.weighted([(random.integer(1...6), 3), (random.integer(6...20), 5), (80, 1)])
        let durations = (0..<3).map { _ in
            random.weighted([(UInt64(30), 4), (1_000, 3), (20_000, 3), (300_000, 2), (2_000_000, 1)])
        }
        let isSession = random.chance(0.5)
        // Of numbers of its own, so that what is no chain stays what it is.
        var copy = random
        var aside = SplitMix64(seed: copy.next())
        let isChain = !isSession && aside.chance(0.4)
        var tasks: [SimulatedTask] = []
        var depths: [TaskID: UInt32] = [:]
        for _ in 0..<size {
            let task = TaskID(nextTask)
            nextTask += 1
            var dependencies: [TaskID] = []
            if !isSession, !tasks.isEmpty, random.chance(0.6) {
                dependencies = (0..<random.integer(1...2)).map { _ in tasks[random.integer(0...tasks.count - 1)].id }
            }
            if isChain, let last = tasks.last, aside.chance(0.9) { dependencies = [last.id] }
            let depth = (dependencies.compactMap { depths[$0] }.max() ?? 0) + (dependencies.isEmpty ? 0 : 1)
            depths[task] = depth
            let anyKind = random.integer(0...2)
            let kind = isChain && aside.chance(0.8) ? 0 : anyKind
            let surprise: UInt64 = random.chance(0.05) ? 200 : 1
            let retries = UInt32(random.integer(0...2))
            var requirements = TaskRequirements(
                executor: random.chance(0.9) ? "python" : "native",
                cores: UInt32(random.weighted([(1, 8), (2, 1), (3, 1), (9, 1)])), retries: retries,
                maxAttempts: random.chance(0.1) ? UInt32(random.integer(1...3)) : 1_000)
            if isChain, aside.chance(0.9) { requirements.cores = 1 }
            tasks.append(
                SimulatedTask(
                    ready: ReadyTask(
                        task: task, taskClass: TaskClass(run: RunID(id), kind: UInt32(kind)),
                        requirements: requirements, priority: depth),
                    duration: min(durations[kind] * surprise, 4_000_000),
                    script: random.weighted([(.succeeds, 16), (.raises, 1), (.kills(times: random.integer(1...3)), 1)]),
                    dependencies: dependencies))
        }
        var run = SimulatedRun(
            id: RunID(id), isSession: isSession, tasks: tasks,
            opensAt: Instant(microseconds: random.microseconds(0...200_000)))
        run.pushes = random.integer(1...3)
        return run
    }
}
