import AnabranchCore
import Scheduling

/// What an observer who knows the rules expects, and what has happened. Independent of the scheduler's own books.
struct Ledger {
    struct Violation: Error, CustomStringConvertible {
        var description: String
        init(_ description: String) { self.description = description }
    }

    let workload: Workload
    let configuration: SchedulerConfiguration
    let isQuiet: Bool
    private(set) var tasks: [TaskID: SimulatedTask]
    private(set) var runs: [TaskID: RunID]
    /// The latest number of each task that was given under another than its own.
    private(set) var current: [TaskID: TaskID] = [:]
    private var originals: [TaskID: TaskID] = [:]
    private var completed: Set<TaskID> = []
    /// Effects that have counted.
    private(set) var ends: [TaskID: SchedulerEffect] = [:]
    private var issued: [TaskID: UInt32] = [:]
    private var delivered: [Attempt: Set<AttemptEnd>] = [:]
    private var executions: [TaskID: Int] = [:]
    private var offers: [WorkerID: WorkerOffer] = [:]
    private var refusing: Set<WorkerID> = []
    private(set) var cancelledRuns: Set<RunID> = []
    private var closedRuns: Set<RunID> = []
    /// Slots of attempts sent and not answered, by worker; and kinds of tasks of which one has been answered.
    private var lent: [WorkerID: [Attempt: UInt32]] = [:]
    private var measured: Set<TaskClass> = []
    private var cancelledTasks: Set<TaskID> = []
    private var asked: Set<RunID> = []
    private var exhausted: Set<RunID> = []
    private var given: Set<TaskID> = []
    private var mostSlots = 0

    init(workload: Workload, configuration: SchedulerConfiguration, isQuiet: Bool) {
        self.workload = workload
        self.configuration = configuration
        self.isQuiet = isQuiet
        var tasks: [TaskID: SimulatedTask] = [:]
        var runs: [TaskID: RunID] = [:]
        for run in workload.runs {
            for task in run.tasks {
                tasks[task.id] = task
                runs[task.id] = run.id
            }
        }
        self.tasks = tasks
        self.runs = runs
    }

    /// The task as its author numbered it.
    func original(_ task: TaskID) -> TaskID { originals[task] ?? task }

    /// The task under a new number.
    mutating func rename(_ original: TaskID) -> ReadyTask? {
        guard var task = tasks[original] else { return nil }
        task.ready.task = TaskID((1 << 20) + UInt64(originals.count))
        tasks[task.id] = task
        runs[task.id] = runs[original]
        originals[task.id] = original
        current[original] = task.id
        return task.ready
    }

    /// The outcome of one more execution of the task's code.
    mutating func execute(_ task: TaskID) -> AttemptEnd {
        executions[task, default: 0] += 1
        switch tasks[task]?.script {
        case .raises: return .failed
        case .kills(let times): return executions[task, default: 0] <= times ? .killedRuntime : .succeeded
        case .succeeds, nil: return .succeeded
        }
    }

    /// What the scheduler is about to be told.
    mutating func note(_ event: SchedulerEvent) {
        switch event {
        case .workerJoined(let offer):
            offers[offer.worker] = offer
            lent[offer.worker] = lent[offer.worker] ?? [:]
            refusing.remove(offer.worker)
            mostSlots = max(mostSlots, offers.values.reduce(0) { $0 + Int($1.slots) })
        case .workerLost(let worker):
            offers[worker] = nil
            lent[worker] = nil
        case .workerDrainRequested(let worker): refusing.insert(worker)
        case .attemptEnded(let worker, let attempt, let end, _):
            delivered[attempt, default: []].insert(end)
            lent[worker]?[attempt] = nil
            if let kind = tasks[attempt.task]?.ready.taskClass { measured.insert(kind) }
        case .tasksReady(let run, let ready):
            asked.remove(run)
            given.formUnion(ready.map(\.task))
        case .tasksFollow(let ready, _): given.formUnion(ready.map(\.task))
        case .runExhausted(let run): exhausted.insert(run)
        case .runCancelled(let run): cancelledRuns.insert(run)
        case .tasksCancelled(let tasks): cancelledTasks.formUnion(tasks)
        case .runClosed(let run): closedRuns.insert(run)
        case .heartbeat, .attemptStarted, .attemptsWaiting, .runOpened, .tick: break
        }
    }

    mutating func check(_ effect: SchedulerEffect, _ scheduler: Scheduler) throws {
        switch effect {
        case .dispatch(let worker, let attempts): try checkDispatch(worker, attempts, scheduler)
        case .complete(let task, let number):
            try end(task, effect)
            try require(
                delivered[Attempt(task: task, number: number)]?.contains(.succeeded) == true,
                "task \(task) completed by attempt \(number), which did not succeed")
            let needed = tasks[task]?.dependencies ?? []
            try require(completed.isSuperset(of: needed), "task \(task) completed before what it waits for")
            completed.insert(original(task))
        case .fail(let task, let number):
            try end(task, effect)
            let ends = delivered[Attempt(task: task, number: number)] ?? []
            try require(
                !ends.isDisjoint(with: [.failed, .killedRuntime]),
                "task \(task) failed by attempt \(number), which did not fail")
            if case .kills(let times) = tasks[task]?.script, let retries = tasks[task]?.ready.requirements.retries {
                try require(times > Int(retries), "task \(task) failed although it had retries left")
            } else {
                try require(tasks[task]?.script == .raises, "task \(task) failed although its code does not")
            }
        case .failLost(let task, _):
            try end(task, effect)
            let most = tasks[task]?.ready.requirements.maxAttempts ?? 0
            try require(!isQuiet, "task \(task) was lost although nothing went wrong")
            try require(issued[task] ?? 0 >= most, "task \(task) was given up before its attempts were used up")
        case .cancelled(let task):
            try end(task, effect)
            let isWanted = cancelledTasks.contains(task) || runs[task].map { cancelledRuns.contains($0) } == true
            try require(isWanted, "task \(task) was cancelled by nobody")
        case .sendAhead(let worker, let attempt, let predecessor):
            try checkSentAhead(worker, attempt, after: predecessor)
        case .admitted(let task):
            try require(
                completed.isSuperset(of: tasks[task]?.dependencies ?? []),
                "task \(task) was admitted before what it waits for had completed")
        case .withdrawn(let task):
            try require(given.contains(task), "task \(task) was withdrawn and never given")
            given.remove(task)
            if current[original(task)] == task { current[original(task)] = nil }
        case .replenish(let run, let count):
            try require(asked.insert(run).inserted, "run \(run) was asked while a question was open")
            try require(!exhausted.contains(run), "run \(run) was asked although it is exhausted")
            try require(count > 0, "run \(run) was asked for nothing")
        case .releaseWorker(let worker):
            try require(refusing.contains(worker), "worker \(worker) was released but does not drain")
        case .workerSilent(let worker):
            try require(!isQuiet, "worker \(worker) was taken for silent")
        case .dropped, .cancel: break
        }
    }

    private mutating func end(_ task: TaskID, _ effect: SchedulerEffect) throws {
        if let before = ends[original(task)] {
            throw Violation("task \(task) ended twice: \(before), then \(effect)")
        }
        try require(given.contains(task), "task \(task) ended that was not given, or was taken back")
        ends[original(task)] = effect
    }

    private mutating func checkDispatch(_ worker: WorkerID, _ attempts: [Attempt], _ scheduler: Scheduler) throws {
        guard let offer = offers[worker] else {
            throw Violation("work was sent to worker \(worker), which is not there")
        }
        try require(!refusing.contains(worker), "work was sent to worker \(worker), which drains")
        try require(attempts.count <= configuration.maxBatch, "a message of \(attempts.count) attempts")
        let summary = scheduler.summary(of: worker)
        try require(summary?.standing == .active, "work was sent to a worker that is not active")
        for attempt in attempts {
            guard let task = tasks[attempt.task] else { throw Violation("task \(attempt.task) is nobody's") }
            try require(ends[original(attempt.task)] == nil, "task \(attempt.task) was sent after it had ended")
            try require(given.contains(attempt.task), "task \(attempt.task) was sent before it was ready")
            try require(attempt.number > issued[attempt.task] ?? 0, "attempt \(attempt) was sent twice")
            issued[attempt.task] = attempt.number
            let executor = task.ready.requirements.executor
            try require(offer.executors.contains(executor), "task \(attempt.task) was sent to no \(executor)")
            try lend(attempt, task, to: offer)
        }
    }

    private mutating func checkSentAhead(_ worker: WorkerID, _ attempt: Attempt, after predecessor: Attempt) throws {
        let task = original(attempt.task)
        try require(offers[worker] != nil, "task \(attempt.task) was sent to worker \(worker), which is not there")
        try require(given.contains(attempt.task), "task \(attempt.task) was sent ahead and never given")
        try require(issued[predecessor.task] == predecessor.number, "what task \(attempt.task) waits for was not sent")
        try require(
            tasks[task]?.dependencies.contains(original(predecessor.task)) == true,
            "task \(attempt.task) was sent ahead behind what it does not wait for")
        try require(
            issued.updateValue(attempt.number, forKey: attempt.task) == nil, "attempt \(attempt) was sent twice")
    }

    /// A task of unknown length gets slots that nothing else has.
    private mutating func lend(_ attempt: Attempt, _ task: SimulatedTask, to offer: WorkerOffer) throws {
        let slots = min(task.ready.requirements.cores, offer.slots)
        let used = lent[offer.worker]?.values.reduce(0, +) ?? 0
        if isQuiet, !measured.contains(task.ready.taskClass) {
            try require(
                used + slots <= offer.slots,
                "task \(attempt.task) takes \(slots) slots of worker \(offer.worker), which has \(used) of "
                    + "\(offer.slots) in use")
        }
        lent[offer.worker]?[attempt] = slots
    }

    /// Bounds that hold at any time, whatever has happened.
    func checkBounds(_ scheduler: Scheduler) throws {
        for summary in scheduler.workerSummaries where isQuiet {
            let most = Int(summary.slots) * (1 + configuration.maxAhead + configuration.maxPrefetch)
            try require(summary.outstanding <= most, "worker \(summary.worker) has \(summary.outstanding) attempts")
        }
        for run in workload.runs where !run.isSession {
            // Four times what the pool takes in one go, its queues included, and what came back to the queue.
            let most = 5 * mostSlots * (1 + configuration.maxPrefetch) + 10
            try require(scheduler.tasks(of: run.id).ready <= most, "run \(run.id) has too many ready tasks")
        }
    }

    /// Every task that was given has had its effect.
    func checkEnd(_ failure: (String) -> SimulationFailure) throws {
        for task in given.sorted()
        where ends[original(task)] == nil && runs[task].map({ closedRuns.contains($0) }) != true {
            throw failure("task \(task) was given and never ended")
        }
    }

    private func require(_ holds: Bool, _ message: @autoclosure () -> String) throws {
        if !holds { throw Violation(message()) }
    }
}
