import AnabranchCore
import PipelineGraph

// What is told of, and counted, as it happens.
extension Engine {
    mutating func tell(_ notice: Notice) { outbox.effects.append(.tell(notice)) }

    /// After the scheduler has decided, before it is asked again: the tasks are still known.
    mutating func noteLosses() {
        for loss in scheduler.losses {
            if loss.isRetried && loss.mayHaveBegun { tallies.taskRetried(Tallies.Retry(loss.cause)) }
            guard let origin = tasks[loss.attempt.task] else { continue }
            tell(
                .attemptLost(
                    ended(loss.attempt, of: origin, at: loss.worker, loss.cause.rawValue, isRetried: loss.isRetried)))
        }
    }

    /// An attempt was answered with a failure that its task outlives.
    mutating func noteRetried(_ attempt: Attempt, of origin: TaskOrigin, _ arrival: Arrival, _ failure: Failure) {
        // Those of a result that was lost are counted and told with the losses.
        if failure.kind == .workerLost { return }
        if failure.kind == .killed { tallies.taskRetried(.runtimeKilled) }
        tell(
            .attemptFailed(
                ended(
                    attempt, of: origin, at: arrival.worker, "\(failure.kind)", failure.message, isRetried: true)))
    }

    /// What a task was for has ended for good; called while that is still known.
    mutating func noteEnd(_ task: TaskID, of origin: TaskOrigin, _ outcome: Outcome, _ arrival: Arrival?) {
        let executor = executor(of: origin)
        guard case .failure(let failure) = outcome else { return tallies.taskEnded(executor, .succeeded) }
        switch failure.kind {
        case .cancelled: return tallies.taskEnded(executor, .cancelled)
        case .workerLost: tallies.taskEnded(executor, .lost)
        default: tallies.taskEnded(executor, .failed)
        }
        // That of a lost one has been told.
        guard failure.kind != .workerLost, let arrival else { return }
        let attempt = Attempt(task: task, number: arrival.attempt)
        tell(
            .attemptFailed(
                ended(
                    attempt, of: origin, at: arrival.worker, "\(failure.kind)", failure.message, isRetried: false)))
    }

    /// The run's firings that have not ended will not run.
    mutating func noteCancelled(firingsOf run: RunID) {
        guard let record = runs[run] else { return }
        for firing in record.live.values {
            tallies.taskEnded(record.executor(of: firing.firing.node), .cancelled)
        }
    }

    /// - Parameter run: It has ended, and is still known.
    mutating func noteRunEnded(_ run: RunID, at now: Instant) {
        guard let record = runs[run] else { return }
        tallies.runEnded(record.state)
        let progress = record.progress
        tell(
            .runEnded(
                EndedRun(
                    run: run, name: record.title, isSession: false, state: record.state,
                    succeeded: progress.reduce(0) { $0 + $1.succeeded }, failed: progress.reduce(0) { $0 + $1.failed },
                    skipped: progress.reduce(0) { $0 + $1.skipped }, milliseconds: now.since(record.started) / 1000,
                    message: record.message)))
    }

    func executor(of origin: TaskOrigin) -> String {
        switch origin {
        case .firing(let run, let entry):
            guard let record = runs[run], let firing = record.live[entry]?.firing else { return Self.usualExecutor }
            return record.executor(of: firing.node)
        case .remake(let run, let entry):
            guard let record = runs[run], let remake = record.recovery.remakes[entry] else {
                return Self.usualExecutor
            }
            return record.executor(of: remake.recipe.firing.node)
        case .call(let run, let call): return sessions[run]?.queued[call]?.call.executor ?? Self.usualExecutor
        }
    }

    private static let usualExecutor = TaskRequirements().executor

    private func ended(
        _ attempt: Attempt, of origin: TaskOrigin, at worker: WorkerID, _ cause: String, _ message: String = "",
        isRetried: Bool
    ) -> EndedAttempt {
        let firing = firing(of: origin)
        return EndedAttempt(
            attempt: attempt, worker: worker, run: origin.run,
            node: firing.flatMap { runs[origin.run]?.name(of: $0.node) } ?? "",
            key: firing.map { $0.key.isEmpty ? "" : "\($0.key)" } ?? "", cause: cause, message: message,
            isRetried: isRetried)
    }

    /// Nil for a call, and for what has ended.
    func firing(of origin: TaskOrigin) -> Firing? {
        switch origin {
        case .firing(let run, let entry): runs[run]?.live[entry]?.firing
        case .remake(let run, let entry): runs[run]?.recovery.remakes[entry]?.recipe.firing
        case .call: nil
        }
    }
}
