import AnabranchCore
import PipelineGraph

// Tasks go only to workers that see the store in which their inputs stand.
extension Engine {
    private func store(of object: ObjectID) -> StoreID {
        guard case .worker(let worker) = catalog.owner(of: object.writer) else { return .coordinator }
        return separateStores.store(of: worker)
    }

    private func placement(of work: Work, for task: TaskID) -> InputPlacement {
        var placement = InputPlacement.anywhere
        var carried: UInt64 = 0
        work.forEachReference { reference in
            guard !reference.isInline else { return }
            let store = store(of: reference.id)
            if catalog.hasLostBytes(of: reference.id.writer) {
                placement = .lost(reference.id, store)
            } else if store == .coordinator {
                // What a stand-in stands for is given on its host alone, however short the stand-in is.
                carried = carried &+ (reference.encoding == .elsewhere ? 1 << 40 : min(reference.length, 1 << 40))
            } else if placement == .anywhere {
                placement = .store(store)
            } else if case .store(let other) = placement, other != store {
                placement = .apart(min(store, other), max(store, other))
            }
        }
        if placement == .anywhere, isInPlace(task) { return .store(.coordinator) }
        guard carried > configuration.carryLimit else { return placement }
        return switch placement {
        case .anywhere: .store(.coordinator)
        case .store(let store): .apart(.coordinator, store)
        case .apart, .lost: placement
        }
    }

    private func isInPlace(_ task: TaskID) -> Bool {
        guard case .call(let session, let call) = tasks[task] else { return false }
        return sessions[session]?.queued[call]?.call.isInPlace ?? false
    }

    /// Whether a worker sees the coordinator's store.
    public func seesStore(_ worker: WorkerID) -> Bool { separateStores.store(of: worker) == .coordinator }

    /// The task with the store that its inputs stand in, as far as they are known. What cannot be placed may go to any worker:
    /// it is refused on its way.
    func placed(_ ready: ReadyTask) -> ReadyTask {
        guard !separateStores.isEmpty,
            let assignment = try? assignment(Attempt(task: ready.task, number: 1), after: nil),
            case .store(let store) = placement(of: assignment.work, for: ready.task)
        else { return ready }
        var placed = ready
        placed.requirements.store = store
        return placed
    }

    /// Whether the worker sees what the attempt reads. When it does not, what becomes of the task is added to `queue`: inputs
    /// may have been made again elsewhere since it was placed, or be gone.
    mutating func isPlaced(
        _ assignment: TaskAssignment, at worker: WorkerID, _ queue: inout [SchedulerEvent]
    ) -> Bool {
        guard !separateStores.isEmpty else { return true }
        let attempt = assignment.attempt
        let placement = placement(of: assignment.work, for: attempt.task)
        if placement == .anywhere || placement == (workers[worker]?.store).map(InputPlacement.store) { return true }
        if assignment.after != nil {
            // It is placed when it is ready.
            queue.append(.attemptEnded(worker, attempt, .returned, computeMicroseconds: 0))
            return false
        }
        switch placement {
        case .anywhere, .store:
            let renewed = renew(attempt.task)
            queue.append(.attemptEnded(worker, attempt, .failed, computeMicroseconds: 0))
            if let renewed { queue.append(renewed) }
        case .apart(let one, let other):
            let name = assignment.node.isEmpty ? "the call" : "node \(assignment.node)"
            refuse(
                attempt, to: worker,
                "\(name) cannot be placed: it reads objects of \(separateStores.name(one)) and of "
                    + "\(separateStores.name(other)), and no worker sees both. Let what it reads be made on one host, or let more "
                    + "than \(ByteCount(configuration.carryLimit)) of the coordinator's store travel with a task (its "
                    + "--carry-limit), or use workers on hosts that move "
                    + "objects between them (anabranch worker --executor ray)", &queue)
        case .lost(let object, let store):
            arrivals[attempt] = Arrival(
                worker: worker, attempt: attempt.number,
                outcome: .failure(
                    Failure(
                        kind: .objectLost,
                        message: "object \(object) is lost: \(separateStores.name(store)) went with its last worker",
                        lost: object)),
                usage: Usage())
            queue.append(.attemptEnded(worker, attempt, .failed, computeMicroseconds: 0))
        }
        return false
    }

    /// Forgets the task and makes what it is for another one, placed anew.
    private mutating func renew(_ task: TaskID) -> SchedulerEvent? {
        guard let origin = tasks.removeValue(forKey: task) else { return nil }
        if case .call(let session, let call) = origin { sessions[session]?.takeBack(call) }
        return handAgain(origin).map { .tasksReady(origin.run, [$0]) }
    }

    /// Nobody sees the store any more. What waits for a worker that does hears of the loss from whichever it goes to.
    mutating func storeEnded(_ store: StoreID, at now: Instant) {
        guard store != .coordinator else { return }
        separateStores.end(store)
        let stores = separateStores
        catalog.storeEnded { owner in
            if case .worker(let worker) = owner { stores.store(of: worker) == store } else { false }
        }
        var events: [SchedulerEvent] = []
        for task in scheduler.readyTasks(bound: store) {
            let renewed = renew(task)
            events.append(.tasksCancelled([task]))
            if let renewed { events.append(renewed) }
        }
        if !events.isEmpty { feed(events, at: now) }
    }

    /// Has runs whose tasks nobody there can run say so at once. On each change of the pool: nothing else happens in such a run.
    mutating func tellAwaiting() {
        for id in runs.keys where !awaited(by: id).isEmpty {
            runs[id]?.pushed = nil
            runs[id]?.published = nil
            outbox.changed.append(id)
        }
    }

    /// What ready tasks of a run wait for, and what to do; empty when workers that take work can run them.
    func awaited(by run: RunID) -> String {
        if scheduler.awaitsAnyWorker(run) {
            return "\(sessions[run] == nil ? "tasks" : "calls") wait for a worker, and none takes work: "
                + "start one (anabranch worker), or wait until one is heard again"
        }
        let executors = scheduler.awaitedExecutors(of: run)
        guard executors.isEmpty else {
            let names = executors.sorted().joined(separator: " and ")
            let who = awaitingTasks(scheduler.awaitedKinds(of: run, executors: executors), of: run)
            // The flag names where a worker's tasks run, not what it offers.
            let hint = executors.contains("ray") ? " (what a worker with --executor ray offers is python, too)" : ""
            return
                "\(who) wait for a worker with the executor \(names), and none that takes work offers it: start one that does, "
                + "or correct the executor= of their nodes\(hint)"
        }
        let workers = scheduler.awaitedWorkers(of: run)
        guard workers.isEmpty else {
            // Only calls are for one worker.
            let names = workers.sorted().map { "worker \($0)" }.joined(separator: " and for ")
            return "calls wait for \(names), which alone may run them, and which takes no work or cannot run them"
        }
        let stores = scheduler.awaitedStores(of: run)
        guard !stores.isEmpty else { return "" }
        let names = stores.sorted().map { separateStores.name($0) }.joined(separator: " and of ")
        let who = awaitingTasks(scheduler.awaitedKinds(of: run, stores: stores), of: run)
        return
            "\(who) wait for a worker that sees \(names), where their inputs are, and none takes work: start one there, "
            + "or wait until one is heard again (the coordinator's --carry-limit says how much travels to others; hosts that share "
            + "no memory are better served by anabranch worker --executor ray)"
    }

    private static let mostNamed = 3

    /// `tasks of node scale and of node fit`, as far as a line has room.
    private func awaitingTasks(_ kinds: Set<UInt32>, of run: RunID) -> String {
        guard let record = runs[run] else { return "calls" }
        var names: [String] = []
        for kind in kinds.sorted() where Int(kind) < record.plan.nodes.count {
            let name = record.name(of: PlanNodeIndex(kind))
            if !names.contains(name) { names.append(name) }
        }
        if names.isEmpty { return "tasks" }
        let more = names.count > Self.mostNamed ? " and of \(names.count - Self.mostNamed) more" : ""
        return "tasks of node " + names.prefix(Self.mostNamed).joined(separator: ", ") + more
    }
}
