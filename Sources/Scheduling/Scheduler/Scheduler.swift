import AnabranchCore

/// Decides which worker runs which task, when a lease is lost, and which result counts. Pure: events and the time go in,
/// effects come out. `docs/state-machines.md` has its rules.
///
/// Whoever owns it performs the effects in order and brings what comes of them as further events, and calls `tick` at
/// `nextDeadline`. Each event costs a constant or logarithmic time; handing several over at once makes fewer messages.
public struct Scheduler: Sendable {
    public let configuration: SchedulerConfiguration
    public internal(set) var counters = SchedulerCounters()
    /// Bugs of ours that were noticed, the first hundred; empty in a sound program.
    public internal(set) var faults: [SchedulerFault] = []
    /// Attempts that the last `handle` took from their tasks, in order.
    public internal(set) var losses: [AttemptLoss] = []

    var workers = Arena(
        vacant: WorkerState(WorkerOffer(worker: WorkerID(0), slots: 1, executors: []), at: Instant(microseconds: 0)))
    var workerIndex: [WorkerID: Int] = [:]
    var tasks = TaskTable()
    var runs = Arena(vacant: RunState(id: RunID(0)))
    var runIndex: [RunID: Int] = [:]
    var classes = Arena(vacant: DurationEstimate())
    var queue = ReadyQueue()

    /// Tasks sent ahead, by the first task that they were ever behind.
    var chains: [TaskID: Chain] = [:]
    /// The chain of each task in one.
    var chainOf: [TaskID: TaskID] = [:]
    /// Tasks sent ahead that will not count, to be told of.
    var withdrawn: [TaskID] = []

    /// Workers that can take more than they have, in no particular order.
    var open: [Int] = []
    /// Workers with messages gathered for them.
    var touched: [Int] = []
    /// Workers that keep slots free for a wide task.
    var reserving: [Int] = []
    /// Workers that drain and were not released yet.
    var draining: [Int] = []
    /// Runs that may have to be asked for tasks.
    var suppliers: [Int] = []
    /// Workers with more than their slots hold, in no particular order.
    var overcommitted: [Int] = []
    var nextSequence: UInt64 = 1

    /// Not later than the first lapse of a worker.
    var lapseDeadline: Instant?
    var rebalanceDeadline: Instant?
    var declineDeadline: Instant?

    /// When it last handled anything.
    var handledAt: Instant?

    public init(configuration: SchedulerConfiguration = SchedulerConfiguration()) {
        self.configuration = configuration
    }

    /// When `tick` is wanted, should nothing else happen before. A tick may find that there is nothing to do.
    public var nextDeadline: Instant? {
        .first(.first(lapseDeadline, rebalanceDeadline), declineDeadline)
    }

    /// Handles one event and appends what the shell is to do.
    public mutating func handle(
        _ event: SchedulerEvent, at now: Instant, effects: inout [SchedulerEffect]
    ) {
        losses.removeAll()
        apply(event, at: now, effects: &effects)
        settle(at: now, effects: &effects)
    }

    /// Handles events that have come together, in order, and dispatches once for all of them.
    public mutating func handle(
        _ events: [SchedulerEvent], at now: Instant, effects: inout [SchedulerEffect]
    ) {
        losses.removeAll()
        for event in events { apply(event, at: now, effects: &effects) }
        settle(at: now, effects: &effects)
    }

    private mutating func apply(_ event: SchedulerEvent, at now: Instant, effects: inout [SchedulerEffect]) {
        switch event {
        case .attemptStarted(let worker, let attempt):
            attemptStarted(attempt, on: worker, at: now)
        case .attemptEnded(let worker, let attempt, let end, let microseconds):
            attemptEnded(attempt, on: worker, end, microseconds, at: now, effects: &effects)
        case .attemptsWaiting(let worker, let attempts):
            attemptsWaiting(attempts, on: worker, at: now)
        case .tasksReady(let run, let tasks):
            tasksReady(tasks, of: run, effects: &effects)
        case .tasksFollow(let tasks, let leader):
            tasksFollow(tasks, after: leader, at: now, effects: &effects)
        case .heartbeat(let worker, let running):
            heartbeat(of: worker, listing: running, at: now, effects: &effects)
        case .workerJoined(let offer):
            workerJoined(offer, at: now)
        case .workerDrainRequested(let worker):
            workerDrainRequested(worker)
        case .workerLost(let worker):
            workerLost(worker, effects: &effects)
        case .runOpened(let run):
            runOpened(run)
        case .runExhausted(let run):
            runExhausted(run)
        case .tasksCancelled(let tasks):
            for task in tasks { cancel(task, effects: &effects) }
        case .runCancelled(let run):
            runCancelled(run, effects: &effects)
        case .runClosed(let run):
            runClosed(run)
        case .tick:
            lapseLeases(at: now, effects: &effects)
        }
    }

    /// What follows from all events together.
    private mutating func settle(at now: Instant, effects: inout [SchedulerEffect]) {
        handledAt = now
        dispatch(at: now)
        tellWithdrawn(effects: &effects)
        replenish(effects: &effects)
        rebalance(at: now)
        flushMessages(effects: &effects)
        if !withdrawn.isEmpty {
            tellWithdrawn(effects: &effects)
            replenish(effects: &effects)
        }
        releaseDrained(effects: &effects)
    }

    /// Hands the gathered messages to the shell, what is to be dropped before what is new.
    private mutating func flushMessages(effects: inout [SchedulerEffect]) {
        for index in touched where workers.contains(index) {
            let id = workers[index].id
            if !workers[index].cancels.isEmpty {
                effects.append(.cancel(id, workers[index].cancels))
                workers[index].cancels = []
            }
            let attempts = workers[index].outgoing
            if attempts.isEmpty { continue }
            workers[index].outgoing = []
            if attempts.count <= configuration.maxBatch {
                effects.append(.dispatch(id, attempts))
                continue
            }
            for start in stride(from: 0, to: attempts.count, by: configuration.maxBatch) {
                let end = min(start + configuration.maxBatch, attempts.count)
                effects.append(.dispatch(id, Array(attempts[start..<end])))
            }
        }
        touched.removeAll(keepingCapacity: true)
    }

    mutating func recordFault(_ message: String, story: String = "") {
        if faults.count < 100 { faults.append(SchedulerFault(message, story: story)) }
    }
}
