import AnabranchCore

extension SessionRecord {
    /// Takes a call; one that cannot run ends at once with its failure. Answers false for a number that was used before.
    mutating func submit(_ submitted: Call, _ catalog: inout ObjectCatalog) -> Bool {
        guard queued[submitted.id] == nil, ended[submitted.id] == nil else { return false }
        self.submitted += 1
        var call = submitted
        var missing: UInt32 = 0
        if var failure = resolve(&call, &missing) ?? lostArgument(of: call, catalog) {
            // An earlier call's exception may be gone by now; its type and message say what happened.
            failure.exception = nil
            finish(call.id, .failure(failure), Usage())
            return true
        }
        call.forEachReference { catalog.use($0) }
        if missing == 0 {
            ready.append(call.id)
        } else {
            for earlier in Set(call.after) { dependents[earlier, default: []].append(call.id) }
        }
        queued[call.id] = QueuedCall(call: call, missing: missing)
        return true
    }

    /// Puts the values of calls that have ended into the dependencies. Answers why the call cannot run.
    private func resolve(_ call: inout Call, _ missing: inout UInt32) -> Failure? {
        for (index, dependency) in call.dependencies.enumerated() {
            guard case .call(let earlier) = dependency else { continue }
            switch ended[earlier] {
            case .value(let value): call.dependencies[index] = .object(value)
            case .failure(let failure): return failure
            case nil:
                guard queued[earlier] != nil else {
                    return Failure(
                        kind: .invalid,
                        message:
                            "call \(call.id) needs the value of call \(earlier), which this session does not know; "
                            + "submit that first, or pass its value's reference")
                }
                missing += 1
            }
        }
        return nil
    }

    private func lostArgument(of call: Call, _ catalog: ObjectCatalog) -> Failure? {
        var lost: ObjectID?
        call.forEachReference { if lost == nil, !catalog.mayMention($0, by: .client(client)) { lost = $0.id } }
        return lost.map {
            Failure(
                kind: .objectLost, message: "object \($0), an argument of call \(call.id), is not in the store any more"
            )
        }
    }

    /// Up to `limit` calls that are ready, as tasks numbered after `last`.
    mutating func draw(_ limit: Int, after last: UInt64, _ maxAttempts: UInt32) -> [(CallID, ReadyTask)] {
        var drawn: [(CallID, ReadyTask)] = []
        while drawn.count < limit, let id = ready.popFirst() {
            guard let call = queued[id], call.task == nil else { continue }
            let task = TaskID(last + UInt64(drawn.count) + 1)
            if let ready = hand(id, task, maxAttempts) { drawn.append((id, ready)) }
        }
        return drawn
    }

    /// The call goes to the scheduler.
    mutating func hand(_ id: CallID, _ task: TaskID, _ maxAttempts: UInt32) -> ReadyTask? {
        guard let call = queued[id]?.call else { return nil }
        queued[id]?.task = task
        let requirements = TaskRequirements(
            executor: call.executor, worker: call.worker, cores: call.limits.threads ?? 1, retries: call.retries,
            maxAttempts: maxAttempts)
        let taskClass = TaskClass(run: self.id, kind: kinds.kind(of: call.function))
        return ReadyTask(task: task, taskClass: taskClass, requirements: requirements)
    }

    /// The scheduler has no task for the call any more, though it has not ended.
    mutating func takeBack(_ id: CallID) {
        queued[id]?.task = nil
    }
}
