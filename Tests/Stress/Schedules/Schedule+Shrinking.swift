import AnabranchCore

extension Schedule {
    /// The shortest schedule found that still fails, and how; nothing when this one does not fail. Leaves out steps, runs,
    /// tasks and workers, then makes numbers plainer, for as long as something fails, in at most `attempts` tries.
    func shrunk(
        attempts: Int = 2_000, failure: (Schedule) -> SimulationFailure?
    ) -> (schedule: Schedule, failure: SimulationFailure)? {
        guard var found = failure(self) else { return nil }
        var best = self
        var left = attempts
        func fails(_ candidate: Schedule) -> Bool {
            guard left > 0 else { return false }
            left -= 1
            guard let new = failure(candidate) else { return false }
            best = candidate
            found = new
            return true
        }
        var before: Int
        repeat {
            let current = best
            before = current.size
            current.leaveOut(fails)
        } while best.size < before && left > 0
        var isPlainer = true
        while isPlainer, left > 0 {
            let candidates = best.plainer
            isPlainer = candidates.contains(where: fails)
        }
        return (best, found)
    }

    private func leaveOut(_ fails: (Schedule) -> Bool) {
        var current = self
        current.steps = fewest(steps) { fails(current.with(steps: $0)) }
        for run in current.workload.runs where current.workload.runs.count > 1 {
            let without = current.without(run: run.id)
            if fails(without) { current = without }
        }
        let tasks = fewest(current.workload.runs.flatMap(\.tasks).map(\.id)) {
            !$0.isEmpty && fails(current.keeping(tasks: Set($0)))
        }
        current = current.keeping(tasks: Set(tasks))
        for worker in current.workload.workers.dropFirst() {
            let without = current.without(worker: worker.worker)
            if fails(without) { current = without }
        }
    }

    private func with(steps: [Adversity]) -> Schedule {
        Schedule(seed: seed, workload: workload, steps: steps)
    }

    private func without(run: RunID) -> Schedule {
        var copy = self
        copy.workload.runs.removeAll { $0.id == run }
        return copy
    }

    private func without(worker: WorkerID) -> Schedule {
        var copy = self
        copy.workload.workers.removeAll { $0.worker == worker }
        return copy
    }

    /// What depended on the others no longer does.
    private func keeping(tasks: Set<TaskID>) -> Schedule {
        var copy = self
        for index in copy.workload.runs.indices {
            copy.workload.runs[index].tasks.removeAll { !tasks.contains($0.id) }
            for task in copy.workload.runs[index].tasks.indices {
                copy.workload.runs[index].tasks[task].dependencies.removeAll { !tasks.contains($0) }
            }
        }
        copy.workload.runs.removeAll { $0.tasks.isEmpty }
        return copy
    }

    /// Schedules with one number made plainer.
    private var plainer: [Schedule] {
        var found: [Schedule] = []
        func set<Value: Equatable>(_ path: WritableKeyPath<Schedule, Value>, _ value: Value) {
            if self[keyPath: path] == value { return }
            var copy = self
            copy[keyPath: path] = value
            found.append(copy)
        }
        for run in workload.runs.indices {
            set(\.workload.runs[run].opensAt.microseconds, 0)
            set(\.workload.runs[run].pushes, 1)
            for task in workload.runs[run].tasks.indices {
                for plain in workload.runs[run].tasks[task].plainer { set(\.workload.runs[run].tasks[task], plain) }
            }
        }
        for worker in workload.workers.indices { set(\.workload.workers[worker].slots, 1) }
        for step in steps.indices {
            for plain in steps[step].plainer { set(\.steps[step], plain) }
        }
        return found
    }
}

extension SimulatedTask {
    /// The same task with one thing less that it asks for.
    fileprivate var plainer: [SimulatedTask] {
        let changes: [(inout SimulatedTask) -> Void] = [
            { $0.script = .succeeds }, { $0.dependencies = [] }, { $0.ready.requirements.cores = 1 },
            { $0.ready.requirements.retries = 0 }, { $0.ready.requirements.maxAttempts = 1_000 },
            { $0.ready.requirements.executor = "python" }, { $0.ready.priority = 0 },
            { $0.ready.taskClass.kind = 0 }, { $0.duration = min($0.duration, 1_000) },
            { $0.duration = min($0.duration, 300_000) },
        ]
        return changes.map { change in
            var copy = self
            change(&copy)
            return copy
        }
    }
}

extension Adversity {
    /// The same step with rounder numbers.
    fileprivate var plainer: [Adversity] {
        func round(_ time: UInt64) -> [UInt64] {
            [UInt64(100_000), 10_000, 1_000].map { time / $0 * $0 }.filter { $0 != time && $0 > 0 }.prefix(1).map { $0 }
        }
        switch self {
        case .delay(let link, let message, let time):
            return round(time).map { .delay(link, message: message, by: $0) }
        case .crash(let at, let worker, let noticed, let returns, let sameID):
            var found = round(at).map {
                Adversity.crash(at: $0, worker: worker, noticed: noticed, returns: returns, sameID: sameID)
            }
            if returns != nil {
                found.insert(.crash(at: at, worker: worker, noticed: noticed, returns: nil, sameID: false), at: 0)
            }
            if let noticed, noticed > 0 {
                found.append(.crash(at: at, worker: worker, noticed: 0, returns: returns, sameID: sameID))
            }
            return found
        case .freeze(let at, let worker, let length):
            return round(at).map { .freeze(at: $0, worker: worker, length: length) }
                + round(length).map { .freeze(at: at, worker: worker, length: $0) }
        case .stall(let at, let length):
            return round(at).map { .stall(at: $0, length: length) } + round(length).map { .stall(at: at, length: $0) }
        case .drain(let at, let worker): return round(at).map { .drain(at: $0, worker: worker) }
        default: return []
        }
    }
}
