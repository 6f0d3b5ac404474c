import AnabranchCore
import PipelineGraph

extension Engine {
    /// Bytes that a firing, or a remake, needs are gone.
    ///
    /// - Returns: Nil when they are being made again, and it runs once more after that; otherwise what to tell.
    mutating func recover(
        _ id: RunID, _ entry: EntryID, _ failure: Failure, _ arrival: Arrival?, _ queue: inout [SchedulerEvent]
    ) -> Failure? {
        guard let record = runs[id], record.state == .running else { return failure }
        do throws(Irrecoverable) {
            let ready = try runs[id]?.recover(failure.lost, for: entry, failure, arrival, &catalog)
            let again = ready?.readerIsReady == true ? record.live[entry].map { [$0.firing] } : nil
            handOut(id, ready?.remakes ?? [], again ?? [], &queue)
            return nil
        } catch {
            var told = failure
            told.message += "; it cannot be made again: \(error)"
            return told
        }
    }

    /// A remake has ended.
    mutating func endRemake(
        _ id: RunID, _ entry: EntryID, _ outcome: Outcome, _ arrival: Arrival?, at now: Instant,
        _ queue: inout [SchedulerEvent]
    ) {
        guard let remake = runs[id]?.recovery.remakes[entry] else { return }
        var failure: Failure
        switch outcome {
        case .success(let success):
            if let ready = runs[id]?.remade(entry, success, &catalog) {
                return handOut(id, ready.remakes, ready.firings, &queue)
            }
            failure = Failure(kind: .invalid, message: "its answer has other parts than before")
        case .failure(let met):
            failure = met
            if met.kind == .objectLost {
                guard let told = recover(id, entry, met, arrival, &queue) else { return }
                failure = told
            }
        }
        let firing = remake.recipe.firing
        let key = firing.key.isEmpty ? "" : " (\(firing.key))"
        let maker = "\(runs[id]?.name(of: firing.node) ?? "")\(key)"
        for (reader, met) in runs[id]?.remakeFailed(entry, &catalog) ?? [] {
            var told = met.failure
            told.message += "; it cannot be made again: \(maker) failed: \(failure.message)"
            runs[id]?.failed(reader, told, met.arrival, &catalog)
            stopOnError(id, told, at: now, &queue)
        }
        outbox.changed.append(id)
        outbox.restless.append(id)
        endIfPlanned(id, at: now, &queue)
    }

    /// Whether what the task is for has not ended, been cancelled or closed.
    func taskIsWanted(_ origin: TaskOrigin) -> Bool {
        switch origin {
        case .firing(let run, let entry): runs[run]?.state == .running && runs[run]?.live[entry] != nil
        case .remake(let run, let entry): runs[run]?.recovery.remakes[entry] != nil
        case .call(let run, let call): sessions[run]?.queued[call] != nil
        }
    }

    /// Gives the scheduler what can run now, as new tasks.
    private mutating func handOut(
        _ id: RunID, _ remakes: [EntryID], _ firings: [Firing], _ queue: inout [SchedulerEvent]
    ) {
        let origins = remakes.map { TaskOrigin.remake(id, $0) } + firings.map { .firing(id, $0.entry) }
        let ready = origins.compactMap { handAgain($0) }
        if !ready.isEmpty { queue.append(.tasksReady(id, ready)) }
    }

    /// A new task for what ran, or was to run, before. Nil when it is not wanted any more.
    mutating func handAgain(_ origin: TaskOrigin) -> ReadyTask? {
        guard taskIsWanted(origin) else { return nil }
        taskCount += 1
        let task = TaskID(taskCount)
        let ready: ReadyTask?
        switch origin {
        case .firing(let run, let entry):
            guard let firing = runs[run]?.live[entry]?.firing else { return nil }
            ready = runs[run]?.hand(firing, task, configuration.maxAttempts)
        case .remake(let run, let entry):
            guard let firing = runs[run]?.recovery.remakes[entry]?.recipe.firing else { return nil }
            runs[run]?.recovery.remakes[entry]?.task = task
            ready = runs[run]?.ready(firing, task, configuration.maxAttempts)
        case .call(let run, let call):
            ready = sessions[run]?.hand(call, task, configuration.maxAttempts)
        }
        if ready != nil { tasks[task] = origin }
        return ready.map(placed)
    }
}
