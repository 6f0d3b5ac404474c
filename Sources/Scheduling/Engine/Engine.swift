import AnabranchCore
import DequeModule
import PipelineGraph

/// All that a coordinator decides: runs and sessions, who needs which object, which worker does what, who is told.
///
/// The one choke point of the coordinator's shell. It has no clock and does no input or output: what has happened comes
/// in as events with their time, what is to be done goes out as effects, in order. The scheduler, each run's planner and
/// the object catalog are parts of it and change nowhere else.
public struct Engine: Sendable {
    public let configuration: EngineConfiguration
    var scheduler: Scheduler
    var catalog = ObjectCatalog()
    var workers = Records<WorkerID, WorkerRecord>()
    /// Those of workers that do not see the coordinator's.
    var separateStores = SeparateStores()
    /// The one with the most cores that has ever joined.
    var largestWorker: WorkerRecord?
    /// Workers whose lanes have not stood yet, with when that is said aloud.
    var unreached: [WorkerID: Instant] = [:]
    var clients = Records<ClientID, ClientRecord>()
    var runs = Records<RunID, RunRecord>()
    var sessions = Records<RunID, SessionRecord>()
    var tasks: [TaskID: TaskOrigin] = [:]
    /// Answers that the scheduler is being told of.
    var arrivals: [Attempt: Arrival] = [:]
    var outbox = Outbox()
    /// Who holds most of a full store, worked out once for all tasks that one `handle` tells of.
    var holderHint: String?
    /// In the order in which they found the store full.
    var waiting: Deque<WaitingTask> = []
    /// What was given its last chance at a full store latest.
    var lastChance: TaskOrigin?
    var roomTries: [TaskOrigin: RoomTries] = [:]
    /// Since when no worker has had anything but last chances, and nothing was released. Looked at while tasks wait for room.
    var quietSince: Instant?
    /// Bytes that had been released by then.
    var quietAfter: UInt64 = 0
    var isShuttingDown = false
    /// Messages that did not decode, were doubled, late or of another epoch.
    var dropped: UInt64 = 0
    var tallies = Tallies()
    /// When a `tick` is due at the latest; nil when nothing waits for time to pass. Kept, not worked out: the shell asks in each
    /// turn, and would be given a copy of the engine to ask.
    public private(set) var nextDeadline: Instant?
    private var runCount: UInt64 = 0
    private var workerCount: UInt64 = 0
    var taskCount: UInt64 = 0

    public init(configuration: EngineConfiguration) {
        self.configuration = configuration
        scheduler = Scheduler(configuration: configuration.scheduler)
    }

    public mutating func handle(_ event: EngineEvent, at now: Instant, effects: inout [EngineEffect]) {
        handle([event], at: now, effects: &effects)
    }

    /// Takes events that happened up to `now`, in order, and appends what is to be done.
    public mutating func handle(_ events: [EngineEvent], at now: Instant, effects: inout [EngineEffect]) {
        for event in events { take(event, at: now) }
        tellUnreachable(at: now)
        admitWaiting(at: now)
        flush(at: now)
        holderHint = nil
        effects.append(contentsOf: outbox.effects)
        outbox.effects.removeAll(keepingCapacity: true)
        nextDeadline = .first(.first(scheduler.nextDeadline, roomDeadline), unreached.values.min())
    }

    private mutating func take(_ event: EngineEvent, at now: Instant) {
        switch event {
        case .workerHello(let connection, let request, let hello):
            workerHello(connection, request, hello, at: now)
        case .workerGoodbye(let worker, let instance): workerSaidGoodbye(worker, instance, at: now)
        case .laneUnusable(let worker): workerLeft(worker, at: now)
        case .workerDisconnected(let worker): workerLost(worker, at: now)
        case .workerConnected(let worker): laneStands(worker, at: now)
        case .workerReported(let batch): workerReported(batch, at: now)
        case .clientHello(let client, let request, let introduction):
            clientHello(client, request, introduction)
        case .clientVanished(let client): clientVanished(client, at: now)
        case .requested(let client, let request, let body): requested(client, request, body, at: now)
        case .writersEnded(let writers): writersEnded(writers, at: now)
        case .messageDropped: dropped += 1
        case .shutdownRequested: shutDown(at: now)
        case .tick: feed([.tick], at: now)
        }
    }

    mutating func makeRunID() -> RunID {
        runCount += 1
        return RunID(runCount)
    }

    mutating func makeWorkerID() -> WorkerID {
        workerCount += 1
        return WorkerID(workerCount)
    }

    /// Request 0 expects no answer, and gets one only when it is refused.
    mutating func reply(_ client: ClientID, _ request: UInt64, _ reply: EngineReply) {
        if request == 0 && reply == .ok { return }
        outbox.effects.append(.reply(client, request: request, reply))
    }

    mutating func refuse(_ client: ClientID, _ request: UInt64, _ code: ErrorCode, _ message: String, node: String = "")
    {
        reply(client, request, .error(ControlError(code: code, message: message, node: node)))
    }
}
