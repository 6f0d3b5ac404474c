import AnabranchCore
import Scheduling

/// The real scheduler in virtual time, with simulated workers, network, plans and clients. Everything follows from the
/// seed, the workload and the fault plan.
final class Simulation {
    enum Action {
        case deliver([SchedulerEvent])
        case poll
        case arrive(WorkerID, life: Int, SimulatedWorker.Message)
        case finish(WorkerID, life: Int, Attempt)
        case heartbeat(WorkerID, life: Int)
        case strike(Adversity)
        case thaw(WorkerID, life: Int)
        case join(WorkerOffer)
        case openRun(Int)
        case heal
    }

    let seed: UInt64
    let steps: [Adversity]
    let network: [Link: [Int: MessageTrouble]]
    var scheduler: Scheduler
    var now = Instant(microseconds: 0)
    var agenda = Agenda<Action>()
    var story: [StoryLine] = []
    var workers: [WorkerID: SimulatedWorker] = [:]
    var lives = 0
    var nextWorker: UInt64 = 1
    /// Latest arrival by link, which keeps messages in order; a step of the plan may break it.
    var lastArrival: [Link: Instant] = [:]
    /// Messages sent so far.
    var sent: [Link: Int] = [:]
    /// Questions that each run has answered.
    var answered: [RunID: Int] = [:]
    /// Runs that have been closed.
    private var gone: Set<RunID> = []
    /// The coordinator does nothing before this.
    var stalledUntil = Instant(microseconds: 0)
    var inbox: [SchedulerEvent] = []
    var isPolling = false
    var tickAt: Instant?
    var isHealed: Bool
    var runs: [RunID: RunProgress] = [:]
    var ledger: Ledger
    /// Changes effects before they are performed, to prove that the checks see it.
    var tamper: ((inout [SchedulerEffect]) -> Void)?
    /// Changes the scheduler itself after each of its turns, for the same.
    var meddle: ((inout Scheduler) -> Void)?
    /// Which states were left for which.
    var coverage: TransitionCoverage?
    /// How long the coordinator lets events gather, at most.
    private(set) var pollDelay: UInt64
    let configuration: SchedulerConfiguration
    var messages = 0
    /// When the last task's effect counted.
    var endedAt = Instant(microseconds: 0)

    static let end = Instant(microseconds: 600_000_000)

    init(
        seed: UInt64, workload: Workload, steps: [Adversity] = [],
        configuration: SchedulerConfiguration = SchedulerConfiguration(
            leaseMicroseconds: 1_000_000, heartbeatMicroseconds: 200_000)
    ) {
        self.seed = seed
        self.steps = steps
        network = steps.network
        self.configuration = configuration
        scheduler = Scheduler(configuration: configuration)
        ledger = Ledger(workload: workload, configuration: configuration, isQuiet: !steps.contains(where: \.isFault))
        isHealed = steps.isEmpty
        pollDelay = 0
        var random = chance(.polling, 0)
        if random.chance(0.5) { pollDelay = random.microseconds(0...300) }
        for (index, run) in workload.runs.enumerated() {
            runs[run.id] = RunProgress(run)
            agenda.add(.openRun(index), at: run.opensAt)
        }
        for offer in workload.workers {
            nextWorker = max(nextWorker, offer.worker.rawValue + 1)
            agenda.add(.join(offer), at: now)
        }
        for step in steps {
            if let time = step.time { agenda.add(.strike(step), at: Instant(microseconds: time)) }
        }
        if !isHealed { agenda.add(.heal, at: Adversity.heals) }
    }

    /// Runs until every run has ended and the workers are at rest.
    func run(validating: Bool = true) throws {
        while let (time, action) = agenda.next() {
            now = time
            guard now < Simulation.end else { throw failure("it hangs: \(unfinished)") }
            try perform(action, validating: validating)
            if isHealed, runs.values.allSatisfy(\.isClosed), isAtRest { break }
        }
        guard runs.values.allSatisfy(\.isClosed) else { throw failure("nothing happens any more: \(unfinished)") }
        try checkRest()
    }

    private func perform(_ action: Action, validating: Bool) throws {
        switch action {
        case .deliver(let events):
            inbox += events
            if isPolling { return }
            isPolling = true
            agenda.add(.poll, at: max(now.advanced(by: pollDelay), stalledUntil))
        case .poll:
            isPolling = false
            if let tickAt, tickAt <= now {
                self.tickAt = nil
                inbox.append(.tick)
            }
            if !inbox.isEmpty { try handle(validating: validating) }
        case .arrive(let worker, let life, let message): arrive(worker, life, message, action)
        case .finish(let worker, let life, let attempt): finish(worker, life, attempt, action)
        case .heartbeat(let worker, let life): heartbeat(worker, life, action)
        case .strike(let step): strike(step)
        case .thaw(let worker, let life): thaw(worker, life)
        case .join(let offer): join(offer)
        case .openRun(let index): openRun(ledger.workload.runs[index])
        case .heal: heal()
        }
    }

    private func handle(validating: Bool) throws {
        let events = takeInbox()
        story.append(.events(now, events))
        for event in events {
            ledger.note(event)
            if case .runCancelled(let run) = event { cancelPlan(run) }
            if case .runClosed(let run) = event { runs[run]?.isClosed = true }
        }
        var effects: [SchedulerEffect] = []
        scheduler.handle(events, at: now, effects: &effects)
        tamper?(&effects)
        meddle?(&scheduler)
        coverage?.look(at: scheduler, after: events)
        if !effects.isEmpty { story.append(.effects(now, effects)) }
        do {
            // Most events are heartbeats of which nothing comes; what they might break shows at the next one that counts.
            let isQuiet = effects.isEmpty && events.allSatisfy(\.isPassingOfTime)
            if validating, !isQuiet { try scheduler.validate() }
            for effect in effects {
                try ledger.check(effect, scheduler)
                perform(effect)
            }
            try ledger.checkBounds(scheduler)
        } catch {
            throw failure("\(error)")
        }
        if let deadline = scheduler.nextDeadline, tickAt.map({ deadline < $0 }) ?? true {
            let time = max(deadline, now.advanced(by: 1), stalledUntil)
            tickAt = time
            agenda.add(.poll, at: time)
        }
    }

    /// What has come, but for tasks of runs whose client is gone.
    private func takeInbox() -> [SchedulerEvent] {
        defer { inbox = [] }
        return inbox.filter { event in
            switch event {
            case .runClosed(let run):
                gone.insert(run)
                return true
            case .tasksReady(let run, _): return !gone.contains(run)
            default: return true
            }
        }
    }

    func failure(_ message: String) -> SimulationFailure {
        SimulationFailure(seed: seed, message: message, story: story.filter(\.isNews).map(\.text))
    }

    private var unfinished: String {
        runs.values.filter { !$0.isClosed }.sorted { $0.run.id < $1.run.id }.map { run in
            let tasks = run.unresolved.sorted().prefix(3).map { scheduler.story(of: $0) }
            return "run \(run.run.id) has \(run.unresolved.count) unresolved tasks: \(tasks)"
        }.joined(separator: "; ")
    }

    /// No attempt is anywhere, as the workers and as the scheduler see it.
    private var isAtRest: Bool {
        inbox.isEmpty && workers.values.allSatisfy { $0.holds.isEmpty }
            && scheduler.workerSummaries.allSatisfy { $0.outstanding == 0 || workers[$0.worker] == nil }
    }

    private func checkRest() throws {
        if scheduler.liveTasks != 0 || scheduler.readyTasks != 0 { throw failure("tasks outlive their runs") }
        try ledger.checkEnd { self.failure($0) }
    }
}
