import AnabranchCore
import Scheduling

/// Which steps of the scheduler's four machines have been taken.
struct TransitionCoverage {
    /// A task, whatever the number of its attempt.
    enum TaskStage: Hashable { case queued, reserved, running, ahead }

    private(set) var tasks = StateDiagram<TaskStage>(
        "task",
        [
            (nil, .queued), (.queued, .running), (.queued, .reserved), (.queued, nil), (.reserved, .running),
            (.reserved, .queued), (.reserved, nil), (.running, .queued), (.running, nil),
            (nil, .ahead), (.ahead, .running), (.ahead, nil),
        ])
    private(set) var attempts = StateDiagram<SchedulerSnapshot.Attempt>(
        "attempt",
        [
            (nil, .held), (nil, .lapsed), (.held, nil), (.held, .recalled), (.held, .lapsed), (.held, .cancelling),
            (.recalled, nil), (.recalled, .held), (.recalled, .lapsed), (.recalled, .cancelling), (.lapsed, nil),
            (.lapsed, .held), (.lapsed, .cancelling), (.cancelling, nil),
            (nil, .ahead), (.ahead, .held), (.ahead, .cancelling), (.ahead, nil),
        ])
    private(set) var workers = StateDiagram<WorkerStanding>(
        "worker",
        [
            (nil, .active), (.active, .silent), (.active, .draining), (.active, nil), (.silent, .active),
            (.silent, .drainingSilent), (.silent, nil), (.draining, .drainingSilent), (.draining, .released),
            (.draining, nil), (.drainingSilent, .draining), (.drainingSilent, nil), (.released, nil),
        ])
    private(set) var runs = StateDiagram<SchedulerSnapshot.Run>(
        "run",
        [
            (nil, .open), (.open, .asked), (.open, .exhausted), (.asked, .open), (.asked, .dry), (.asked, .exhausted),
            (.dry, .open), (.dry, .exhausted), (.exhausted, nil),
        ])
    private var last = SchedulerSnapshot()

    /// A schedule begins: nothing is there.
    mutating func begin() { last = SchedulerSnapshot() }

    /// - Parameter events: What the scheduler has just been told.
    mutating func look(at scheduler: Scheduler, after events: [SchedulerEvent]) {
        let now = scheduler.snapshot
        for (id, task) in last.tasks where now.tasks[id] != task { taskChanged(task, now.tasks[id]) }
        for (id, task) in now.tasks where last.tasks[id] == nil { taskChanged(nil, task) }
        Self.compare(last.attempts, now.attempts, &attempts)
        let lost = Set(events.compactMap { if case .workerLost(let worker) = $0 { worker } else { nil } })
        for worker in lost {
            // It may have come back at once.
            workers.saw(last.workers[worker], nil)
            last.workers[worker] = nil
        }
        Self.compare(last.workers, now.workers, &workers)
        for (id, run) in now.runs where last.runs[id] == nil {
            // It is open before it is asked.
            runs.saw(nil, .open)
            runs.saw(.open, run)
        }
        for (id, run) in last.runs { runs.saw(run, now.runs[id]) }
        last = now
    }

    private mutating func taskChanged(_ old: SchedulerSnapshot.Task?, _ new: SchedulerSnapshot.Task?) {
        if case .running = old, case .running = new {
            // Another number: it went by the queue.
            tasks.saw(.running, .queued)
            tasks.saw(.queued, .running)
        } else {
            tasks.saw(Self.stage(old), Self.stage(new))
        }
    }

    private static func stage(_ task: SchedulerSnapshot.Task?) -> TaskStage? {
        switch task {
        case .queued: .queued
        case .reserved: .reserved
        case .running: .running
        case .ahead: .ahead
        case nil: nil
        }
    }

    private static func compare<ID: Hashable, State: Hashable & Sendable>(
        _ old: [ID: State], _ new: [ID: State], _ diagram: inout StateDiagram<State>
    ) {
        for (id, state) in old { diagram.saw(state, new[id]) }
        for (id, state) in new where old[id] == nil { diagram.saw(nil, state) }
    }

    mutating func merge(_ other: TransitionCoverage) {
        tasks.merge(other.tasks)
        attempts.merge(other.attempts)
        workers.merge(other.workers)
        runs.merge(other.runs)
    }

    var gaps: [String] { tasks.gaps + attempts.gaps + workers.gaps + runs.gaps }
    var table: [String] { tasks.table + attempts.table + workers.table + runs.table }
}
