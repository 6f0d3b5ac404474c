import AnabranchCore
import PipelineGraph

extension Engine {
    /// Puts an attempt into the worker's next message. Work is made anew for each attempt, so that a task that waits
    /// weighs next to nothing. `predecessor`: what it is sent ahead behind.
    mutating func dispatch(
        _ attempt: Attempt, to worker: WorkerID, after predecessor: Attempt? = nil, at now: Instant,
        _ queue: inout [SchedulerEvent]
    ) {
        let made: TaskAssignment?
        do {
            made = try assignment(attempt, after: predecessor)
        } catch {
            return refuse(attempt, to: worker, "cannot be run: \(error)", &queue)
        }
        guard var assignment = made else {
            queue.append(.attemptEnded(worker, attempt, .returned, computeMicroseconds: 0))
            return
        }
        // Here, because `isPlaced` may make another task of it, of which the lost attempt would not be known.
        keepLost(before: attempt, at: now)
        guard isPlaced(assignment, at: worker, &queue) else { return }
        if let threads = assignment.limits.threads {
            if let complaint = complaint(aboutThreads: threads, of: assignment.node) {
                return refuse(attempt, to: worker, complaint, &queue)
            }
            // The largest worker may have gone: what is left does it more slowly.
            assignment.limits.threads = min(threads, workers[worker]?.cores ?? threads)
        }
        let bytes = assignment.bytes
        if bytes > Self.largestTask {
            return refuse(
                attempt, to: worker,
                "cannot be sent: what it takes are about \(ByteCount(UInt64(bytes))) in its message, which may have "
                    + "\(ByteCount(UInt64(Self.largestTask))); gather fewer at once, or let smaller objects than now stay in the "
                    + "store (the coordinator's --inline-threshold)", &queue)
        }
        var arguments: [ObjectID] = []
        assignment.work.forEachReference { reference in
            guard !reference.isInline else { return }
            catalog.use(reference)
            arguments.append(reference.id)
        }
        workers[worker]?.lent[attempt] = LentAttempt(sent: now, arguments: arguments)
        if let predecessor { workers[worker]?.lent[predecessor]?.follower = attempt }
        outbox.add(assignment, bytes: bytes, to: worker, configuration.epoch)
    }

    /// Bytes of one task: with its frame it has to go down a lane, and on to a runtime.
    private static let largestTask = MessageLimit.data - (1 << 20)

    /// The task fails: no worker is sent what cannot be done.
    mutating func refuse(
        _ attempt: Attempt, to worker: WorkerID, _ message: String, _ queue: inout [SchedulerEvent]
    ) {
        arrivals[attempt] = Arrival(
            worker: worker, attempt: attempt.number, outcome: .failure(Failure(kind: .invalid, message: message)),
            usage: Usage())
        queue.append(.attemptEnded(worker, attempt, .failed, computeMicroseconds: 0))
    }

    /// Nil when some worker has, or has had, as many cores.
    private func complaint(aboutThreads threads: UInt32, of node: String) -> String? {
        guard let largest = largestWorker, threads > largest.cores else { return nil }
        let who = node.isEmpty ? "the call" : "node \(node)"
        return "\(who) asks for \(threads) threads (threads=); the largest worker has \(largest.cores) cores "
            + "(--slots \(largest.hello.slots), --threads-per-slot \(largest.hello.threadsPerSlot)): ask for fewer, or start "
            + "a worker with more"
    }

    /// Nil when the task has ended already.
    func assignment(_ attempt: Attempt, after predecessor: Attempt?) throws(WorkError) -> TaskAssignment? {
        switch tasks[attempt.task] {
        case .firing(let run, let entry):
            guard let record = runs[run], let firing = record.live[entry]?.firing else { return nil }
            return try record.assignment(attempt, firing) { record throws(WorkError) in
                try record.builder.work(for: firing, values: record.values) { record.planner.key(of: $0) }
            }
        case .remake(let run, let entry):
            guard let record = runs[run], let remake = record.recovery.remakes[entry] else { return nil }
            return try record.assignment(attempt, remake.recipe.firing) { record throws(WorkError) in
                try record.work(for: remake)
            }
        case .call(let run, let id):
            guard let call = sessions[run]?.queued[id]?.call else { return nil }
            if let predecessor { return call.assignment(attempt, run, after: predecessor, configuration.epoch) }
            guard let work = call.work else { return nil }
            return TaskAssignment(attempt: attempt, run: run, node: "", limits: call.limits, work: work)
        case nil:
            return nil
        }
    }
}

extension RunRecord {
    func assignment(
        _ attempt: Attempt, _ firing: Firing, _ makeWork: (RunRecord) throws(WorkError) -> Work
    ) throws(WorkError) -> TaskAssignment {
        let planNode = planNode(firing.node)
        return TaskAssignment(
            attempt: attempt, run: id, node: name(of: firing.node), key: firing.key, limits: limits(of: firing.node),
            keepsOutput: planNode.keepsOutput, keepsModel: planNode.keepsModel, work: try makeWork(self))
    }

    /// The run's own splitter has none.
    func limits(of index: PlanNodeIndex) -> Limits {
        planNode(index).node.map { request.graph.nodes[Int($0.rawValue)].limits } ?? Limits()
    }
}
