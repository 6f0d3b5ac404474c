import AnabranchCore
import PipelineGraph
import Testing

@testable import Scheduling

/// An engine on the bench: scripted workers and clients around it, the store's bytes as texts, nothing real.
final class EngineBench {
    var engine: Engine
    let bytes = Bytes()
    var now = Instant(microseconds: 1_000_000)
    /// Tasks that were sent and not answered, in order.
    var queued: [WorkerID: [TaskAssignment]] = [:]
    var writers: [WorkerID: WriterID] = [:]
    var replies: [ClientID: [EngineReply]] = [:]
    var entries: [RunID: [EntryUpdate]] = [:]
    var states: [RunID: RunUpdate] = [:]
    var results: [CallID: CallResult] = [:]
    /// Mentions that each client was sent and has not given back.
    var held: [ClientID: [ObjectID]] = [:]
    var removedSegments: [(WriterID, [UInt32])] = []
    var cancels: [Attempt] = []
    var drains: Set<WorkerID> = []
    /// What workers were told to give up, in order.
    var releases: [ObjectID] = []
    /// Number of the message that each worker was sent last.
    private var lastBatches: [WorkerID: UInt64] = [:]
    /// Whether the lanes of new workers come about, and those that do now.
    var lanesStand = true
    private var connected: [WorkerID] = []
    /// Lanes that were said to be out of reach.
    var unreachable: [WorkerID: String] = [:]
    /// What is published of workers.
    var told: [WorkerStatus] = []
    /// Everything that workers were sent.
    var sent: [TaskAssignment] = []
    /// What workers' calls came to, for those that were sent ahead behind them.
    private var values: [Attempt: ObjectRef] = [:]
    /// Answers in place of the scripted one.
    var notices: [Notice] = []
    var script: (TaskAssignment) -> Outcome? = { _ in nil }

    static let versions = Versions(anabranch: "1.0", python: "3.11.2", numpy: "2.4.0")

    init() {
        engine = Engine(
            configuration: EngineConfiguration(epoch: Epoch(7), versions: Self.versions, storeIdentity: "store"))
    }

    func send(_ events: EngineEvent...) {
        now = now.advanced(by: 1000)
        var effects: [EngineEffect] = []
        engine.handle(events, at: now, effects: &effects)
        for effect in effects { perform(effect) }
        #expect(throws: Never.self) {
            try engine.catalog.validate()
            try engine.scheduler.validate()
        }
        connectLanes()
    }

    private func connectLanes() {
        let workers = connected
        connected = []
        for worker in workers { send(.workerConnected(worker)) }
    }

    private func perform(_ effect: EngineEffect) {
        switch effect {
        case .reply(let client, _, let reply):
            replies[client, default: []].append(reply)
            if case .runDescription(let description) = reply {
                description.graph.forEachPayload { reference, _ in hold(reference, client) }
            }
        case .push(let client, .runUpdate(let update)):
            entries[update.run, default: []] += update.entries
            states[update.run] = update
            for entry in update.entries { entry.forEachReference { hold($0, client) } }
        case .push(let client, .callResults(let update)):
            for result in update.results {
                results[result.call] = result
                result.outcome.forEachReference { hold($0, client) }
            }
        case .push(_, .releaseObjects(let objects)): objects.forEach(bytes.release)
        case .send(let batch):
            queued[batch.worker, default: []] += batch.tasks
            sent += batch.tasks
            cancels += batch.cancels
            if batch.drain { drains.insert(batch.worker) }
            batch.releases.forEach(bytes.release)
            releases += batch.releases
            #expect(batch.number == lastBatches[batch.worker, default: 0] + 1)
            lastBatches[batch.worker] = batch.number
        case .publishWorker(let status): told.append(status)
        case .removeSegments(let writer, let keeping): removedSegments.append((writer, keeping))
        case .connectLane(let worker, _): if lanesStand { connected.append(worker) }
        case .laneUnreachable(let worker, _, let endpoint): unreachable[worker] = endpoint
        case .tell(let notice): notices.append(notice)
        case .disconnectLane, .publishRun, .publishLog, .shutDown: break
        }
    }

    private func hold(_ reference: ObjectRef, _ client: ClientID) {
        if !reference.isInline { held[client, default: []].append(reference.id) }
    }

    @discardableResult
    func addWorker(
        slots: UInt32 = 2, instance: UInt64 = 1, threadsPerSlot: UInt32 = 1,
        versions: Versions = EngineBench.versions, executors: [String] = ["python", "native"]
    ) -> WorkerID? {
        let connection = ClientID(1000 + instance)
        let writer = WriterID(0xF000 + instance)
        send(
            .workerHello(
                connection, request: 1,
                WorkerHello(
                    instance: instance, lane: "ipc://lane-\(instance)", slots: slots, threadsPerSlot: threadsPerSlot,
                    host: "here", processID: 1, store: "/store", storeIdentity: "store", executors: executors,
                    versions: versions,
                    writers: [writer])))
        guard case .workerWelcome(let worker) = replies[connection]?.last else { return nil }
        writers[worker] = writer
        return worker
    }

    func addClient(_ number: UInt64 = 1, writer: WriterID? = WriterID(0xC1)) -> ClientID {
        let client = ClientID(number)
        send(
            .clientHello(
                client, request: 1, ClientIntroduction(versions: Self.versions, writer: writer, name: "test")))
        return client
    }

    func report(_ worker: WorkerID, _ results: [TaskResult]) {
        send(.workerReported(ResultBatch(epoch: Epoch(7), worker: worker, results: results)))
    }

    /// A heartbeat that has seen all that was sent.
    func confirm(_ worker: WorkerID) {
        let heartbeat = Heartbeat(
            running: (queued[worker] ?? []).map(\.attempt), idleSlots: 0, lastBatch: lastBatches[worker] ?? 0)
        send(.workerReported(ResultBatch(epoch: Epoch(7), worker: worker, heartbeat: heartbeat)))
    }

    func answer(_ task: TaskAssignment, by worker: WorkerID) -> TaskResult {
        let work = ScriptedWork(bytes: bytes, writer: writers[worker] ?? WriterID(1))
        var task = task
        if let predecessor = task.after, case .call(var call) = task.work {
            guard let value = values[predecessor.attempt] else {
                return TaskResult(
                    attempt: task.attempt, outcome: .failure(Failure(kind: .cancelled, message: "not run")))
            }
            for place in predecessor.arguments { call.dependencies[Int(place)] = value }
            task.work = .call(call)
        }
        let outcome = script(task) ?? .success(work.outcome(of: task))
        if case .success(let success) = outcome { values[task.attempt] = success.value }
        return TaskResult(attempt: task.attempt, outcome: outcome, holder: writers[worker])
    }

    /// Lets every worker answer what it has, until nothing is left to do.
    func work() {
        while let worker = queued.filter({ !$0.value.isEmpty }).keys.min() {
            let task = queued[worker]!.removeFirst()
            report(worker, [answer(task, by: worker)])
        }
    }

    /// Submits and answers the run, nil when it was refused.
    func submit(_ request: RunRequest, by client: ClientID, detached: Bool = false) -> RunID? {
        send(.requested(client, request: 2, .submitRun(SubmitRun(request: request, detached: detached))))
        guard case .runAccepted(let run) = replies[client]?.last else { return nil }
        return run
    }

    /// Tasks of a run that run, by its status.
    func running(_ run: RunID, _ client: ClientID) throws -> Int {
        send(.requested(client, request: 3, .status(run)))
        guard case .status(let status) = replies[client]?.last else { throw CancellationError() }
        return Int(status.runs.flatMap(\.progress).reduce(0) { $0 + $1.running })
    }

    func giveBack(_ client: ClientID) {
        send(.requested(client, request: 0, .releaseObjects(held.removeValue(forKey: client) ?? [])))
    }

    /// After everything has been closed and given back: nothing is needed, everything was released once.
    func expectEmpty(_ location: SourceLocation = #_sourceLocation) {
        #expect(engine.catalog.count == 0, sourceLocation: location)
        #expect(engine.waiting.isEmpty, sourceLocation: location)
        #expect(bytes.unreleased == [], sourceLocation: location)
        #expect(bytes.mistakes == [], sourceLocation: location)
    }
}
