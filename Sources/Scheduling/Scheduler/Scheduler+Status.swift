import AnabranchCore

/// A worker as the scheduler sees it.
public struct WorkerSummary: Hashable, Sendable {
    public var worker: WorkerID
    public var standing: WorkerStanding
    public var slots: UInt32
    /// Attempts that it has or may have.
    public var outstanding: Int
    /// Slots in use, at most `slots`.
    public var busySlots: UInt32
}

extension Scheduler {
    /// Ready tasks for which no worker that takes work offers the executor.
    public var unplaceable: [String: Int] {
        queue.shapes.reduce(into: [:]) { found, shape in
            if !shape.isOffered, shape.ready > 0 { found[shape.shape.executor, default: 0] += shape.ready }
        }
    }

    /// Stores that ready tasks of a run wait for: no worker that takes work sees them, or offers the executor there.
    public func awaitedStores(of run: RunID) -> Set<StoreID> {
        Set(awaitedShapes(of: run).filter { $0.worker == nil }.compactMap(\.store))
    }

    /// Workers that ready tasks of a run are for alone and that cannot run them: they take no work, do not see the inputs,
    /// or do not offer the executor.
    public func awaitedWorkers(of run: RunID) -> Set<WorkerID> { Set(awaitedShapes(of: run).compactMap(\.worker)) }

    /// What ready tasks of a run ask for that no worker which takes work can run.
    private func awaitedShapes(of run: RunID) -> [TaskShape] {
        guard let index = runIndex[run] else { return [] }
        return queue.runs[index].shares.filter { $0.ready > 0 && !queue.shapes[$0.shape].isOffered }
            .map { queue.shapes[$0.shape].shape }
    }

    /// Whether a run has ready tasks and there is no worker at all that takes work.
    public func awaitsAnyWorker(_ run: RunID) -> Bool {
        !awaitedShapes(of: run).isEmpty && !workers.indices.contains { workers[$0].standing == .active }
    }

    /// Executors that ready tasks of a run ask for and that none of the workers that take work offers, whatever store it sees.
    /// Empty while no worker takes work at all: then it is not the executor that is missing.
    public func awaitedExecutors(of run: RunID) -> Set<String> {
        let awaited = Set(awaitedShapes(of: run).map(\.executor))
        guard !awaited.isEmpty else { return [] }
        let active = workers.indices.filter { workers[$0].standing == .active }
        guard !active.isEmpty else { return [] }
        return awaited.filter { executor in !active.contains { workers[$0].executors.contains(executor) } }
    }

    /// Kinds of a run's ready tasks that ask for one of these executors, or wait for one of these stores, and that no worker
    /// which takes work can run.
    func awaitedKinds(of run: RunID, executors: Set<String> = [], stores: Set<StoreID> = []) -> Set<UInt32> {
        guard let index = runIndex[run] else { return [] }
        var kinds: Set<UInt32> = []
        for lane in queue.runs[index].lanes where !queue.lanes[lane].isEmpty {
            let key = queue.lanes[lane].key
            let shape = queue.shapes[key.shape]
            guard !shape.isOffered else { continue }
            if executors.contains(shape.shape.executor) || shape.shape.store.map(stores.contains) == true {
                kinds.insert(key.kind)
            }
        }
        return kinds
    }

    /// Tasks that wait for a worker, by executor.
    var readyByExecutor: [String: Int] {
        var found: [String: Int] = [:]
        for shape in queue.shapes where shape.ready > 0 {
            found[shape.shape.executor, default: 0] += shape.ready
        }
        for index in reserving {
            guard let task = workers[index].reservation?.task, let lane = tasks[task]?.lane else { continue }
            found[queue.shapes[queue.lanes[lane].key.shape].shape.executor, default: 0] += 1
        }
        return found
    }

    /// Tasks whose current attempt is with a worker, by executor. In time linear in the attempts at workers.
    var placedByExecutor: [String: Int] {
        var found: [String: Int] = [:]
        for index in workers.indices {
            for (attempt, lease) in workers[index].leases where lease.phase.isCurrent {
                guard let lane = tasks[attempt.task]?.lane else { continue }
                found[queue.shapes[queue.lanes[lane].key.shape].shape.executor, default: 0] += 1
            }
        }
        return found
    }

    /// Tasks whose current attempt is with a worker, by run and kind. In time linear in the attempts at workers.
    var placedByClass: [TaskClass: Int] {
        var found: [TaskClass: Int] = [:]
        for index in workers.indices {
            for (attempt, lease) in workers[index].leases where lease.phase.isCurrent {
                guard let lane = tasks[attempt.task]?.lane else { continue }
                let key = queue.lanes[lane].key
                found[TaskClass(run: runs[key.run].id, kind: key.kind), default: 0] += 1
            }
        }
        return found
    }

    /// Tasks that wait for a worker which sees this store, in order.
    func readyTasks(bound store: StoreID) -> [TaskID] {
        var found: [TaskID] = []
        for run in runs.indices {
            for lane in queue.runs[run].lanes where queue.shapes[queue.lanes[lane].key.shape].shape.store == store {
                found += queue.lanes[lane].tasks
            }
        }
        return found
    }

    /// Tasks that have not ended, in all.
    public var liveTasks: Int { tasks.count }

    /// Tasks that wait for a worker, in all.
    public var readyTasks: Int { queue.count }

    /// Tasks of a run: those that wait for a worker, and all that have not ended.
    public func tasks(of run: RunID) -> (ready: Int, live: Int) {
        runIndex[run].map { (queue.readyCount(ofRun: $0), runs[$0].live) } ?? (0, 0)
    }

    /// In the order of their ids.
    public var workerSummaries: [WorkerSummary] {
        workers.indices.map { summary($0) }.sorted { $0.worker < $1.worker }
    }

    /// Nil when the worker is not known.
    public func summary(of worker: WorkerID) -> WorkerSummary? { workerIndex[worker].map { summary($0) } }

    private func summary(_ index: Int) -> WorkerSummary {
        let worker = workers[index]
        return WorkerSummary(
            worker: worker.id, standing: worker.standing, slots: worker.slots, outstanding: worker.leases.count,
            busySlots: min(worker.usedSlots, worker.slots))
    }

    /// What is known of a task, for messages.
    public func story(of id: TaskID) -> String {
        guard let task = tasks[id] else { return "task \(id) has ended, or never was" }
        let lane = queue.lanes[task.lane].key
        let stage =
            switch task.stage {
            case .queued: "waits"
            case .reserved(let worker): "waits for slots of worker \(worker)"
            case .ahead(let worker): "waits at worker \(worker) for the task before it"
            case .lost: "has lost its attempt"
            case .running(let worker, let number): "attempt \(number) is with worker \(worker)"
            }
        let stragglers = task.stragglers.map { ", attempt \($0.number) may be with worker \($0.worker)" }.joined()
        return "task \(id) of run \(runs[lane.run].id), kind \(lane.kind): \(stage)\(stragglers); "
            + "\(task.issued) attempts sent, \(task.lostNumbers.count) lost, \(task.kills) killed their runtime"
    }
}
