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
        guard let index = runIndex[run] else { return [] }
        var awaited: Set<StoreID> = []
        for share in queue.runs[index].shares where share.ready > 0 && !queue.shapes[share.shape].isOffered {
            if let store = queue.shapes[share.shape].shape.store { awaited.insert(store) }
        }
        return awaited
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
