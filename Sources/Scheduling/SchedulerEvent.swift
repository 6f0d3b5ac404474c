import AnabranchCore

/// What a task asks of the worker that runs it. The scheduler never looks at the work itself.
public struct TaskRequirements: Hashable, Sendable {
    /// `python`, `native`, …
    public var executor: String
    /// The store that its inputs stand in; nil when they all travel in its message.
    public var store: StoreID?
    /// The only one that may run it; nil: any.
    public var worker: WorkerID?
    /// Cores that it takes, in whole slots of its worker; 1 is one slot, whatever a slot's cores.
    public var cores: UInt32
    /// Extra attempts when the task killed its own runtime.
    public var retries: UInt32
    /// Attempts in all when workers are lost.
    public var maxAttempts: UInt32

    public init(
        executor: String = "python", store: StoreID? = nil, worker: WorkerID? = nil, cores: UInt32 = 1,
        retries: UInt32 = 0, maxAttempts: UInt32 = 4
    ) {
        self.executor = executor
        self.store = store
        self.worker = worker
        self.cores = cores
        self.retries = retries
        self.maxAttempts = maxAttempts
    }
}

/// Tasks of a kind are expected to take alike: a plan node of a run, or a session's function.
public struct TaskClass: Hashable, Sendable {
    public var run: RunID
    public var kind: UInt32

    public init(run: RunID, kind: UInt32) {
        self.run = run
        self.kind = kind
    }
}

/// A task that is ready to run.
public struct ReadyTask: Hashable, Sendable {
    public var task: TaskID
    public var taskClass: TaskClass
    public var requirements: TaskRequirements
    /// Higher runs first within its run: deeper nodes, so that keys are finished before new ones are opened.
    public var priority: UInt32

    public init(
        task: TaskID, taskClass: TaskClass, requirements: TaskRequirements = TaskRequirements(), priority: UInt32 = 0
    ) {
        self.task = task
        self.taskClass = taskClass
        self.requirements = requirements
        self.priority = priority
    }
}

public struct WorkerOffer: Hashable, Sendable {
    public var worker: WorkerID
    public var slots: UInt32
    /// Cores that one slot stands for.
    public var coresPerSlot: UInt32
    public var executors: Set<String>
    /// The one that it sees.
    public var store: StoreID

    public init(
        worker: WorkerID, slots: UInt32, coresPerSlot: UInt32 = 1, executors: Set<String>,
        store: StoreID = .coordinator
    ) {
        self.store = store
        self.worker = worker
        self.slots = slots
        self.coresPerSlot = coresPerSlot
        self.executors = executors
    }
}

/// How an attempt ended, as far as scheduling cares.
public enum AttemptEnd: Hashable, Sendable {
    case succeeded
    /// Final whatever the attempt: the user's code raised, a timeout, a bad result.
    case failed
    /// The runtime died under it; tried again only if `retries` says so.
    case killedRuntime
    /// The worker gave it back untouched (drain, cancel of a queued attempt).
    case returned
    /// It was done, and what came of it died with the process that wrote it: an attempt lost like those of lost workers.
    case lost
}

/// Past tense: what has happened.
public enum SchedulerEvent: Hashable, Sendable {
    /// Also when a hello is said again. A worker that restarted is lost first.
    case workerJoined(WorkerOffer)
    /// Also renews the leases of `running`, which lists all that the worker has, queued or running; an attempt sent more
    /// than a lease ago that it does not list was lost on the way.
    case heartbeat(WorkerID, running: [Attempt])
    case workerDrainRequested(WorkerID)
    /// Its process ended, its connection dropped, or it restarted.
    case workerLost(WorkerID)
    case runOpened(RunID)
    /// The answer to `replenish` (exactly one to each; empty when nothing is ready *now*), or tasks that a session pushes.
    /// After an empty answer the run is asked again once one of its tasks has ended.
    case tasksReady(RunID, [ReadyTask])
    /// Tasks of the same run that may be sent ahead: each waits for nothing but the one before it in the list, the first for
    /// `after`, and nothing else waits for that. Each is answered, by `sendAhead` or by `withdrawn`.
    case tasksFollow([ReadyTask], after: TaskID)
    /// The run is never to be asked again: its plan has given the last task, or it is a session, which pushes its tasks.
    case runExhausted(RunID)
    case attemptStarted(WorkerID, Attempt)
    /// All attempts of the worker that wait for tasks which they submitted; those that did and are not listed go on.
    case attemptsWaiting(WorkerID, [Attempt])
    case attemptEnded(WorkerID, Attempt, AttemptEnd, computeMicroseconds: UInt64)
    /// Those that have ended are passed over.
    case tasksCancelled([TaskID])
    /// All its tasks, and those that are told of later.
    case runCancelled(RunID)
    /// Everything of the run is forgotten; what still runs is cancelled without a word.
    case runClosed(RunID)
    /// Time has passed; wanted at `Scheduler.nextDeadline`, and harmless at any time.
    case tick
}

/// Imperative: what the shell is to do.
///
/// Each task gets exactly one of `complete`, `fail`, `failLost`, `cancelled` and `withdrawn`, unless its run is closed before. Each
/// `attemptEnded` makes one of `complete`, `fail`, `failLost` and `dropped`, or none when the task is tried again or nothing had
/// come of the attempt.
public enum SchedulerEffect: Hashable, Sendable {
    /// One message down one lane.
    case dispatch(WorkerID, [Attempt])
    /// Send a task to the worker that has the attempt which it waits for, to run there when that has succeeded.
    case sendAhead(WorkerID, Attempt, after: Attempt)
    /// What it was sent ahead behind has succeeded: it is its worker's to run, like any task that was dispatched.
    case admitted(TaskID)
    /// It is not sent ahead, or was and will not count. It is forgotten: what it stands for becomes another task once it is
    /// ready.
    case withdrawn(TaskID)
    /// Drop what waits, stop what runs; answered with `returned`. Also said to a worker that has tasks queued when
    /// another is idle, and again for what a heartbeat still lists.
    case cancel(WorkerID, [Attempt])
    /// The effect of the task counts now, once: take this attempt's outcome.
    case complete(TaskID, attempt: UInt32)
    /// The task has failed for good with this attempt's outcome.
    case fail(TaskID, attempt: UInt32)
    /// Lost workers used up the attempts; `attempts` of them.
    case failLost(TaskID, attempts: UInt32)
    case cancelled(TaskID)
    /// Doubled, late or foreign: its outcome does not count, and whatever it names can be released.
    case dropped(WorkerID, Attempt)
    /// Ask the run's plan for up to this many further tasks; answered with one `tasksReady`.
    case replenish(RunID, count: Int)
    /// It drains and has nothing left: it may go.
    case releaseWorker(WorkerID)
    /// Leases lapsed: the worker gets nothing until it is heard again.
    case workerSilent(WorkerID)
}
