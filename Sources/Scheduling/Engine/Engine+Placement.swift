import AnabranchCore

// Tasks go only to workers that see the store in which their inputs stand.
extension Engine {
    private func store(of object: ObjectID) -> StoreID {
        guard case .worker(let worker) = catalog.owner(of: object.writer) else { return .coordinator }
        return separateStores.store(of: worker)
    }

    private func placement(of work: Work) -> InputPlacement {
        var placement = InputPlacement.anywhere
        var carried: UInt64 = 0
        work.forEachReference { reference in
            guard !reference.isInline else { return }
            let store = store(of: reference.id)
            if catalog.hasLostBytes(of: reference.id.writer) {
                placement = .lost(reference.id, store)
            } else if store == .coordinator {
                carried = carried &+ min(reference.length, 1 << 40)
            } else if placement == .anywhere {
                placement = .store(store)
            } else if case .store(let other) = placement, other != store {
                placement = .apart(min(store, other), max(store, other))
            }
        }
        guard carried > configuration.carryLimit else { return placement }
        return switch placement {
        case .anywhere: .store(.coordinator)
        case .store(let store): .apart(.coordinator, store)
        case .apart, .lost: placement
        }
    }

    /// Whether a worker sees the coordinator's store.
    public func seesStore(_ worker: WorkerID) -> Bool { separateStores.store(of: worker) == .coordinator }

    /// The task with the store that its inputs stand in, as far as they are known. What cannot be placed may go to any worker:
    /// it is refused on its way.
    func placed(_ ready: ReadyTask) -> ReadyTask {
        guard !separateStores.isEmpty,
            let assignment = try? assignment(Attempt(task: ready.task, number: 1), after: nil),
            case .store(let store) = placement(of: assignment.work)
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
        let placement = placement(of: assignment.work)
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

    /// What ready tasks of a run wait for, and what to do; empty when workers that take work can run them.
    func awaited(by run: RunID) -> String {
        let stores = scheduler.awaitedStores(of: run).sorted()
        guard !stores.isEmpty else { return "" }
        let names = stores.map { separateStores.name($0) }.joined(separator: " and of ")
        return
            "tasks wait for a worker that sees \(names), where their inputs are, and none takes work: start one there, "
            + "or wait until one is heard again (the coordinator's --carry-limit says how much travels to others)"
    }
}
