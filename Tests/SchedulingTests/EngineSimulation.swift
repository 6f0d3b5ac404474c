import AnabranchCore
import PipelineGraph

@testable import Scheduling

/// The real engine, planner and scheduler among simulated workers and clients, in virtual time, with faults.
final class EngineSimulation {
    private enum Happening {
        case lane(TaskBatch)
        case finished(WorkerID, TaskAssignment)
        case inbox(ResultBatch)
        case heartbeat(WorkerID)
        case died(WorkerID, WriterID)
        case join(apart: Bool)
    }

    private struct Worker {
        let writer: WriterID
        var queue: [TaskAssignment] = []
        var running: [TaskAssignment] = []
        var cancelled: Set<Attempt> = []
    }

    private static let lease: UInt64 = 3_000_000
    private static let slots = 2

    private var random: SeededRandom
    private let faults: EngineFaults
    private let separateStores: Bool
    private let carryLimit: UInt64
    /// Of writers that do not write to the coordinator's store: the worker that does.
    private var hosts: [WriterID: WorkerID] = [:]
    /// Tasks that workers with a store of their own have run.
    private(set) var ranApart = 0
    private(set) var engine: Engine
    let bytes = Bytes()
    private var now = Instant(microseconds: 1_000_000)
    private var agenda: [(at: Instant, order: Int, Happening)] = []
    private var order = 0
    private var workers: [WorkerID: Worker] = [:]
    private var instances: UInt64 = 0
    private var held: [ObjectID] = []
    private var foundFull: Set<String> = []
    /// Failures of attempts by bytes that were gone.
    private(set) var losses = 0
    private let client = ClientID(1)
    private(set) var states: [RunID: PipelineGraph.RunState] = [:]
    private(set) var entries: [RunID: [EntryUpdate]] = [:]
    private(set) var problems: [String] = []
    private(set) var steps = 0

    /// - Parameters:
    ///   - separateStores: One worker of three has a store of its own.
    ///   - carryLimit: Bytes of the coordinator's store that go with a task to such a worker.
    init(seed: UInt64, faults: EngineFaults, separateStores: Bool = false, carryLimit: UInt64 = 1 << 20) {
        random = SeededRandom(seed: seed)
        self.faults = faults
        self.separateStores = separateStores
        self.carryLimit = carryLimit
        engine = Engine(
            configuration: EngineConfiguration(
                epoch: Epoch(7), versions: EngineBench.versions, storeIdentity: "store",
                scheduler: SchedulerConfiguration(leaseMicroseconds: Self.lease, heartbeatMicroseconds: 500_000),
                maxAttempts: 1000, leaseMicroseconds: Self.lease, carryLimit: carryLimit))
        tell(
            .clientHello(client, request: 1, ClientIntroduction(versions: EngineBench.versions, writer: WriterID(0xC1)))
        )
        for place in 0..<3 { join(apart: separateStores && place == 1) }
    }

    /// Runs the requests to their ends, closes everything, and answers what they gave: entry by entry, as texts.
    func results(of requests: [RunRequest]) -> [[String]] {
        // As a client does whose user still has the arrays.
        for request in requests {
            var references: [ObjectRef] = []
            request.forEachReference { reference, _ in references.append(reference) }
            tell(.requested(client, request: 0, .holdObjects(references)))
            held += references.map(\.id)
        }
        for request in requests { tell(.requested(client, request: 2, .submitRun(SubmitRun(request: request)))) }
        let runs = (1...UInt64(requests.count)).map { RunID($0) }
        while runs.contains(where: { states[$0]?.isFinal != true }) {
            guard step() else { break }
        }
        let results = runs.map { run in (entries[run] ?? []).map(text).sorted() }
        for run in runs { tell(.requested(client, request: 3, .closeRun(run))) }
        tell(.requested(client, request: 0, .releaseObjects(held)))
        held = []
        // Attempts that nobody waits for any more still hold their arguments until they are answered or given up.
        let end = now.advanced(by: 4 * Self.lease)
        while engine.catalog.count > 0, now < end, step() {}
        return results
    }

    private func text(_ entry: EntryUpdate) -> String {
        let model = entry.model.map(bytes.read) ?? "-"
        let output = entry.output.map(bytes.read) ?? "-"
        return
            "\(entry.node?.description ?? "cv") \(entry.phase) \(entry.key) \(entry.state) \(model) \(output) \(entry.scores) \(entry.failure?.message ?? "")"
    }

    // MARK: - Time

    private func schedule(_ happening: Happening, in microseconds: UInt64) {
        order += 1
        agenda.append((now.advanced(by: microseconds), order, happening))
    }

    private func step() -> Bool {
        steps += 1
        if steps > 200_000 || !problems.isEmpty {
            problems.append("not done after \(steps) steps")
            return false
        }
        guard
            let next = agenda.indices.min(by: { (agenda[$0].at, agenda[$0].order) < (agenda[$1].at, agenda[$1].order) })
        else { return false }
        if let deadline = engine.nextDeadline, deadline < agenda[next].at {
            now = max(now, deadline)
            tell(.tick)
            return true
        }
        let (at, _, happening) = agenda.remove(at: next)
        now = max(now, at)
        happen(happening)
        return true
    }

    private func happen(_ happening: Happening) {
        switch happening {
        case .lane(let batch): receive(batch)
        case .finished(let worker, let task): finish(task, worker)
        case .inbox(let batch): tell(.workerReported(batch))
        case .heartbeat(let id):
            guard let worker = workers[id] else { return }
            let all = (worker.queue + worker.running).map(\.attempt)
            report(id, heartbeat: Heartbeat(running: all, idleSlots: 0))
            schedule(.heartbeat(id), in: 500_000)
        case .died(let worker, let writer):
            tell(.workerDisconnected(worker))
            tell(.writersEnded([writer]))
        case .join(let apart): join(apart: apart)
        }
    }

    // MARK: - Workers

    private func join(apart isApart: Bool) {
        instances += 1
        let writer = WriterID(0xF000 + instances)
        if isApart { hosts[writer] = WorkerID(instances) }
        tell(
            .workerHello(
                ClientID(1000 + instances), request: 1,
                WorkerHello(
                    instance: instances, lane: "ipc://lane-\(instances)", slots: UInt32(Self.slots), host: "here",
                    processID: 1,
                    store: "/store", storeIdentity: isApart ? "store \(instances)" : "store", hasOwnStore: isApart,
                    executors: ["python", "native"],
                    versions: EngineBench.versions, writers: [writer])))
        let id = WorkerID(instances)
        workers[id] = Worker(writer: writer)
        tell(.workerConnected(id))
        schedule(.heartbeat(id), in: 500_000)
    }

    private func receive(_ batch: TaskBatch) {
        guard workers[batch.worker] != nil else { return }
        for task in batch.tasks { checkPlace(task, batch.worker) }
        workers[batch.worker]?.queue += batch.tasks
        workers[batch.worker]?.cancelled.formUnion(batch.cancels)
        startNext(batch.worker)
    }

    /// A task was sent where its inputs are: what is neither in the worker's store nor small is out of its reach.
    private func checkPlace(_ task: TaskAssignment, _ worker: WorkerID) {
        guard separateStores else { return }
        var carried: UInt64 = 0
        task.work.forEachReference { reference in
            if reference.isInline { return }
            if let host = hosts[reference.id.writer] {
                if host != worker {
                    problems.append("\(task.attempt) at worker \(worker) reads \(host)'s \(reference.id)")
                }
            } else {
                carried += reference.length
            }
        }
        guard hosts.values.contains(worker) else { return }
        ranApart += 1
        if carried > carryLimit {
            problems.append("\(task.attempt) was sent with \(carried) bytes to worker \(worker)")
        }
    }

    private func startNext(_ id: WorkerID) {
        while let worker = workers[id], let next = worker.queue.first,
            worker.running.reduce(Self.width(next), { $0 + Self.width($1) }) <= Self.slots
        {
            let task = workers[id]!.queue.removeFirst()
            workers[id]!.running.append(task)
            schedule(.finished(id, task), in: UInt64.random(in: 1_000...200_000, using: &random))
        }
    }

    /// Slots that it takes; nothing passes a task that waits for them.
    private static func width(_ task: TaskAssignment) -> Int { Int(task.limits.threads ?? 1) }

    private func finish(_ task: TaskAssignment, _ id: WorkerID) {
        guard let worker = workers[id] else { return }
        if random.happens(faults.crashes) { return crash(id, worker) }
        workers[id]?.running.removeAll { $0.attempt == task.attempt }
        var outcome = Outcome.failure(Failure(kind: .cancelled, message: "cancelled"))
        if random.happens(faults.killedRuntimes), Self.mayBeTriedAgain(task) {
            outcome = .failure(Failure(kind: .killed, message: "signal 9"))
        } else if let failure = storeFault(task) {
            outcome = .failure(failure)
        } else if !worker.cancelled.contains(task.attempt) {
            outcome = .success(ScriptedWork(bytes: bytes, writer: worker.writer).outcome(of: task))
        }
        report(id, results: [TaskResult(attempt: task.attempt, outcome: outcome, holder: worker.writer)])
        startNext(id)
    }

    private func storeFault(_ task: TaskAssignment) -> Failure? {
        if random.happens(faults.lostSegments),
            let victim = workers.values.map(\.writer).sorted().randomElement(using: &random)
        {
            bytes.loseSegment(of: victim)
        }
        var lost: ObjectID?
        task.work.forEachReference { if bytes.isLost($0) { lost = $0.id } }
        if let lost {
            losses += 1
            return Failure(kind: .objectLost, message: "object \(lost) is lost: no such file", lost: lost)
        }
        guard random.happens(faults.fullStores), foundFull.insert("\(task.run) \(task.node) \(task.key)").inserted
        else { return nil }
        return Failure(kind: .storeFull, message: "the object store is full")
    }

    /// The run's own splitter has no node that could allow retries.
    private static func mayBeTriedAgain(_ task: TaskAssignment) -> Bool {
        if case .split = task.work { false } else { true }
    }

    private func report(_ id: WorkerID, results: [TaskResult] = [], heartbeat: Heartbeat? = nil) {
        let batch = ResultBatch(epoch: Epoch(7), worker: id, results: results, heartbeat: heartbeat)
        if random.happens(faults.lostResults) { return }
        for _ in 0..<(random.happens(faults.doubledResults) ? 2 : 1) {
            schedule(.inbox(batch), in: UInt64.random(in: 100...(100 + faults.delay), using: &random))
        }
    }

    private func crash(_ id: WorkerID, _ worker: Worker) {
        workers[id] = nil
        schedule(.died(id, worker.writer), in: UInt64.random(in: 0...500_000, using: &random))
        schedule(.join(apart: hosts[worker.writer] != nil), in: UInt64.random(in: 0...1_000_000, using: &random))
    }

    // MARK: - The engine

    private func tell(_ event: EngineEvent) {
        var effects: [EngineEffect] = []
        engine.handle(event, at: now, effects: &effects)
        for effect in effects { perform(effect) }
        do {
            try engine.catalog.validate()
            try engine.scheduler.validate()
        } catch {
            problems.append("\(error) after \(event)")
        }
        problems += bytes.mistakes
    }

    private func perform(_ effect: EngineEffect) {
        switch effect {
        case .push(_, .runUpdate(let update)):
            states[update.run] = update.state
            entries[update.run, default: []] += update.entries
            for entry in update.entries { entry.forEachReference { if !$0.isInline { held.append($0.id) } } }
        case .push(_, .releaseObjects(let objects)): objects.forEach(bytes.release)
        case .send(let batch):
            batch.releases.forEach(bytes.release)
            if random.happens(faults.lostLaneMessages) { return }
            schedule(.lane(batch), in: UInt64.random(in: 50...(50 + faults.delay), using: &random))
        case .reply(_, _, .error(let error)): problems.append("refused: \(error.message)")
        default: break
        }
    }
}
