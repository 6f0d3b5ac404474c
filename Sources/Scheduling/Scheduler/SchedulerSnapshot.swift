import AnabranchCore

/// Which state everything that the scheduler knows is in; see `docs/state-machines.md`. For tests, which watch what follows
/// what.
package struct SchedulerSnapshot: Sendable {
    package enum Task: Hashable, Sendable {
        case queued
        case reserved
        case running(attempt: UInt32)
        case ahead
    }

    package enum Attempt: Hashable, Sendable {
        case ahead
        case held
        case recalled
        case lapsed
        case cancelling
    }

    package enum Run: Hashable, Sendable {
        case open
        case asked
        case dry
        case exhausted
    }

    /// An attempt at the worker that has it, or may have it.
    package struct Placed: Hashable, Sendable {
        package let attempt: AnabranchCore.Attempt
        package let worker: WorkerID
    }

    package var tasks: [TaskID: Task] = [:]
    package var attempts: [Placed: Attempt] = [:]
    package var workers: [WorkerID: WorkerStanding] = [:]
    package var runs: [RunID: Run] = [:]

    package init() {}
}

extension Scheduler {
    /// In time linear in tasks and attempts.
    package var snapshot: SchedulerSnapshot {
        var snapshot = SchedulerSnapshot()
        for id in tasks.ids {
            switch tasks[id]?.stage {
            case .queued: snapshot.tasks[id] = .queued
            case .reserved: snapshot.tasks[id] = .reserved
            case .running(_, let number): snapshot.tasks[id] = .running(attempt: number)
            case .ahead: snapshot.tasks[id] = .ahead
            case .lost, nil: break
            }
        }
        for index in workers.indices {
            snapshot.workers[workers[index].id] = workers[index].standing
            for (attempt, lease) in workers[index].leases {
                let placed = SchedulerSnapshot.Placed(attempt: attempt, worker: workers[index].id)
                snapshot.attempts[placed] = lease.isAhead && lease.phase == .held ? .ahead : lease.phase.seen
            }
        }
        for index in runs.indices { snapshot.runs[runs[index].id] = runs[index].supply.seen }
        return snapshot
    }
}

extension Lease.Phase {
    fileprivate var seen: SchedulerSnapshot.Attempt {
        switch self {
        case .held: .held
        case .recalled: .recalled
        case .lapsed: .lapsed
        case .cancelling: .cancelling
        }
    }
}

extension RunState.Supply {
    fileprivate var seen: SchedulerSnapshot.Run {
        switch self {
        case .open: .open
        case .asked: .asked
        case .dry: .dry
        case .exhausted: .exhausted
        }
    }
}
