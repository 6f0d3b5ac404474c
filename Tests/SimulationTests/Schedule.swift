import AnabranchCore
import Scheduling

/// All that a simulation follows from.
struct Schedule {
    var seed: UInt64
    var workload: Workload
    var plan: FaultPlan

    init(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        self.seed = seed
        workload = .random(&random)
        plan = .random(&random)
    }

    var simulation: Simulation { Simulation(seed: seed, workload: workload, plan: plan) }

    /// Tasks, workers, faults and kinds of trouble in the network.
    var size: Int {
        workload.runs.reduce(0) { $0 + $1.tasks.count } + workload.workers.count + plan.faults.count
            + [plan.drop, plan.double, plan.late, plan.reorder].count { $0 > 0 }
    }

    /// A smaller schedule that still fails, and how; nothing when this one does not fail. Leaves out runs, tasks, workers and faults
    /// for as long as something fails, in at most `attempts` tries.
    func shrunk(
        attempts: Int = 400, failure: (Schedule) -> SimulationFailure?
    ) -> (schedule: Schedule, failure: SimulationFailure)? {
        guard let first = failure(self) else { return nil }
        var best = (schedule: self, failure: first)
        var left = attempts
        var isShrinking = true
        while isShrinking {
            isShrinking = false
            for candidate in best.schedule.smaller {
                if left == 0 { return best }
                left -= 1
                guard let found = failure(candidate) else { continue }
                best = (candidate, found)
                isShrinking = true
                break
            }
        }
        return best
    }

    /// Schedules with something left out, much of it first.
    private var smaller: [Schedule] {
        var found: [Schedule] = []
        func add(_ change: (inout Schedule) -> Void) {
            var copy = self
            change(&copy)
            found.append(copy)
        }
        for run in workload.runs.indices where workload.runs.count > 1 { add { $0.workload.runs.remove(at: run) } }
        for run in workload.runs.indices {
            let count = workload.runs[run].tasks.count
            var length = count / 2
            while length > 0 {
                for start in stride(from: 0, to: count, by: length) where count > 1 {
                    add { $0.workload.runs[run].removeTasks(start..<min(start + length, count)) }
                }
                length /= 2
            }
            if workload.runs[run].cancelsAt != nil { add { $0.workload.runs[run].cancelsAt = nil } }
        }
        for worker in workload.workers.indices.dropFirst() { add { $0.workload.workers.remove(at: worker) } }
        for fault in plan.faults.indices { add { $0.plan.faults.remove(at: fault) } }
        for path in [\FaultPlan.drop, \.double, \.late, \.reorder] where plan[keyPath: path] > 0 {
            add { $0.plan[keyPath: path] = 0 }
        }
        return found
    }
}

extension Schedule: CustomStringConvertible {
    var description: String {
        let runs = workload.runs.map { run in
            let tasks = run.tasks.map { task in
                let wants = task.ready.requirements
                return "\(task.id)(\(task.duration) µs, \(wants.slots) \(wants.executor), \(task.script)"
                    + "\(task.dependencies.isEmpty ? "" : ", after \(task.dependencies)"))"
            }
            return "\(run.isSession ? "session" : "plan") \(run.id): \(tasks.joined(separator: " "))"
        }
        let workers = workload.workers.map { "worker \($0.worker) with \($0.slots) slots" }
        let faults = plan.faults.map { "\($0.at.microseconds) \($0.fault)" }
        return (runs + workers + faults).joined(separator: "\n  ")
            + "\n  drop \(plan.drop), double \(plan.double), late \(plan.late), reorder \(plan.reorder)"
    }
}

extension SimulatedRun {
    /// What depended on them no longer does.
    fileprivate mutating func removeTasks(_ range: Range<Int>) {
        let removed = Set(tasks[range].map(\.id))
        tasks.removeSubrange(range)
        for index in tasks.indices { tasks[index].dependencies.removeAll(where: removed.contains) }
        cancels.removeAll { removed.contains($0.task) }
    }
}
