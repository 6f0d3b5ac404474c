import AnabranchCore
import Coordinator
import PipelineGraph
import Scheduling
import Wire

/// The coordinator behind its control socket or its inbox: decoding, then the engine. Beside it an honest client has calls
/// run by an honest worker.
struct EngineTarget: ByteTarget {
    enum Socket { case control, inbox }

    private static let honestClient = ClientID(1)
    private static let admin = ClientID(2)
    /// After so many messages the rogue goes, and another comes.
    private static let visit = 5_000

    private let socket: Socket
    private let corpus: [[UInt8]]
    private let report: ResultBatch
    private let epoch: Epoch
    private let versions: Versions
    private var engine: Engine
    private var now = Instant(microseconds: 1)
    private var taken = 0
    private static let honestInstance: UInt64 = 1
    private var honestWorker = WorkerID(0)
    private var session = RunID(0)
    private var rogue = ClientID(100)
    private var rogueWorker = WorkerID(0)
    private var rogueSession = RunID(0)
    private var rogueRuns: Set<RunID> = []
    private var rogueWorkers: Set<WorkerID> = []
    /// Attempts that the rogue's worker has.
    private var lent: [Attempt] = []
    private var queued: [TaskAssignment] = []
    private var submitted: UInt64 = 0
    private var answered: Set<CallID> = []
    private var wrong: [String] = []

    init(_ socket: Socket, _ corpus: Corpus) throws {
        self.socket = socket
        self.corpus = try corpus.messages(socket == .control ? "ToCoordinator" : "ResultBatch")
        report = try ResultBatch(decoding: try corpus.messages("ResultBatch")[0])
        epoch = report.epoch
        versions = Versions(
            anabranch: "0.1.0", python: "3.11.2", cloudpickle: "3.1.0", numpy: "2.4.0", scikitLearn: "1.9.0")
        engine = Engine(
            configuration: EngineConfiguration(epoch: epoch, versions: versions, storeIdentity: "0123456789abcdef"))
        honestWorker = join(instance: Self.honestInstance, executors: ["native"])
        tell(.clientHello(Self.honestClient, request: 1, ClientIntroduction(versions: versions, name: "honest")))
        tell(.clientHello(Self.admin, request: 1, ClientIntroduction(versions: versions, name: "admin")))
        tell(.requested(Self.honestClient, request: 2, .openSession(name: "honest")))
        session = engine.inventory.sessions.first ?? session
        visit()
    }

    func original(using random: inout SplitMix64) -> [UInt8] {
        if socket == .inbox, !lent.isEmpty, random.chance(0.6) {
            var live = report
            live.worker = rogueWorker
            for index in live.results.indices { live.results[index].attempt = lent[random.integer(0...lent.count - 1)] }
            return live.encoded()
        }
        if socket == .control, random.chance(0.2) {
            let body: ToCoordinator.Body =
                random.chance(0.5)
                ? .submitCalls(SubmitCalls(run: rogueSession, calls: [call(submitted)])) : .closeRun(rogueSession)
            return ToCoordinator(request: 5, body: body).encoded()
        }
        return corpus[random.integer(0...corpus.count - 1)]
    }

    mutating func take(_ message: [UInt8]) throws -> Bool {
        taken += 1
        now = now.advanced(by: 100)
        if taken.isMultiple(of: 50) { submitHonest() }
        if taken.isMultiple(of: 20) { answerHonest() }
        if taken.isMultiple(of: 2_000) { beat() }
        if taken.isMultiple(of: 500) { try engine.validate() }
        if taken.isMultiple(of: Self.visit) {
            try leave()
            visit()
        }
        guard let event = read(message) else {
            tell(.messageDropped)
            return false
        }
        if !isForHonest(event) { tell(event) }
        return true
    }

    private func read(_ message: [UInt8]) -> EngineEvent? {
        do throws(WireError) {
            switch socket {
            case .control: return try ToCoordinator(decoding: message).event(from: rogue)
            case .inbox: return .workerReported(try ResultBatch(decoding: message))
            }
        } catch {
            return nil
        }
    }

    /// Whoever reaches the control socket may cancel, drain and shut down, and whoever names a worker speaks for it. So what happens
    /// to be a sound order about the honest ones is not given.
    private func isForHonest(_ event: EngineEvent) -> Bool {
        switch event {
        case .workerGoodbye(let worker, let instance): worker == honestWorker && instance == Self.honestInstance
        case .workerReported(let batch): batch.worker == honestWorker
        case .requested(_, _, .shutdown): true
        case .requested(_, _, .drainWorker(let worker)): worker == honestWorker
        case .requested(_, _, .cancelRun(let run)), .requested(_, _, .closeRun(let run)): run == session
        default: false
        }
    }

    mutating func end() throws {
        try leave()
        while answered.count < submitted, !queued.isEmpty { answerHonest() }
        guard answered.count == submitted, wrong.isEmpty else {
            throw ByteFailure("of \(submitted) honest calls \(answered.count) were answered; wrong: \(wrong.prefix(3))")
        }
    }

    // MARK: - The rogue

    private mutating func visit() {
        rogue = ClientID(rogue.rawValue + 1)
        tell(
            .clientHello(
                rogue, request: 1,
                ClientIntroduction(versions: versions, writer: WriterID(rogue.rawValue), name: "rogue")))
        tell(.requested(rogue, request: 2, .openSession(name: "rogue")))
        rogueSession = rogueRuns.max() ?? rogueSession
        rogueWorker = join(instance: rogue.rawValue, executors: ["python"])
        rogueWorkers.insert(rogueWorker)
        tell(.requested(rogue, request: 0, .submitCalls(rogueSession, (1...200).map { call($0) })))
    }

    private func call(_ number: UInt64) -> Call {
        let nothing = ObjectRef(
            id: ObjectID(writer: WriterID(rogue.rawValue), sequence: 1), encoding: .pickle5, length: 0,
            location: .inline([]))
        return Call(id: CallID(number + 1), function: .python(function: nothing, arguments: nothing))
    }

    /// It goes with all that is its own. Nothing of it may be left.
    private mutating func leave() throws {
        tell(.clientVanished(rogue))
        for run in rogueRuns.sorted() { tell(.requested(Self.admin, request: 3, .closeRun(run))) }
        for worker in rogueWorkers.sorted() { tell(.laneUnusable(worker)) }
        tell(.writersEnded(engine.writersToProbe))
        rogueRuns = []
        rogueWorkers = []
        lent = []
        try engine.validate()
        let left = engine.inventory
        guard left.objects == 0, left.runs.isEmpty, left.sessions == [session], left.workers == [honestWorker],
            left.clients == [Self.honestClient, Self.admin], left.tasks <= Int(submitted) - answered.count
        else { throw ByteFailure("the rogue is gone, and there is left: \(left)") }
    }

    // MARK: - The honest ones

    private mutating func submitHonest() {
        submitted += 1
        let call = Call(id: CallID(submitted), function: .native(name: "noop", parameters: Array("\(submitted)".utf8)))
        tell(.requested(Self.honestClient, request: 0, .submitCalls(session, [call])))
    }

    private mutating func answerHonest() {
        let tasks = queued
        queued = []
        let results = tasks.map { task -> TaskResult in
            guard case .native(let work) = task.work else {
                wrong.append("\(task)")
                return TaskResult(attempt: task.attempt, outcome: .success(Success()))
            }
            let value = ObjectRef(
                id: ObjectID(writer: WriterID(7), sequence: 1), encoding: .pickle5,
                length: UInt64(work.parameters.count), location: .inline(work.parameters))
            return TaskResult(attempt: task.attempt, outcome: .success(Success(value: value)))
        }
        if !results.isEmpty { tell(.workerReported(ResultBatch(epoch: epoch, worker: honestWorker, results: results))) }
    }

    private mutating func beat() {
        let heartbeat = Heartbeat(running: queued.map(\.attempt), idleSlots: 1)
        tell(.workerReported(ResultBatch(epoch: epoch, worker: honestWorker, heartbeat: heartbeat)))
        tell(.tick)
    }

    private mutating func join(instance: UInt64, executors: [String]) -> WorkerID {
        let known = Set(engine.inventory.workers)
        tell(
            .workerHello(
                ClientID(50), request: 1,
                WorkerHello(
                    instance: instance, lane: "ipc://lane-\(instance)", slots: 4, host: "here", processID: 1,
                    store: "/store",
                    storeIdentity: "0123456789abcdef", executors: executors, versions: versions)))
        let worker = engine.inventory.workers.first { !known.contains($0) } ?? WorkerID(0)
        tell(.workerConnected(worker))
        return worker
    }

    // MARK: - The engine

    private mutating func tell(_ event: EngineEvent) {
        var effects: [EngineEffect] = []
        engine.handle(event, at: now, effects: &effects)
        for effect in effects { perform(effect) }
    }

    private mutating func perform(_ effect: EngineEffect) {
        switch effect {
        case .reply(rogue, _, .runAccepted(let run)): rogueRuns.insert(run)
        case .reply(rogue, _, .workerWelcome(let worker)):
            // Nobody answers at the lane that it told of.
            if worker != honestWorker, rogueWorkers.insert(worker).inserted { tell(.laneUnusable(worker)) }
        case .send(let batch) where batch.worker == honestWorker: queued += batch.tasks
        case .send(let batch) where batch.worker == rogueWorker: lent = (lent + batch.tasks.map(\.attempt)).suffix(64)
        case .push(Self.honestClient, .callResults(let results)):
            for result in results.results {
                guard answered.insert(result.call).inserted, case .value(let value) = result.outcome,
                    case .inline(let bytes) = value.location, bytes == Array("\(result.call)".utf8)
                else {
                    wrong.append("\(result)")
                    continue
                }
            }
        default: break
        }
    }
}
