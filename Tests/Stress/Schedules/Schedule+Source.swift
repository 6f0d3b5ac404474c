import AnabranchCore

extension Schedule: CustomStringConvertible {
    /// Swift that makes this schedule: for a test with a fixed plan.
    var description: String {
        let runs = workload.runs.map { run in
            let tasks = run.tasks.map { "            " + $0.source + "," }.joined(separator: "\n")
            return "        .\(run.isSession ? "session" : "plan")(\(run.id), opensAt: \(run.opensAt.microseconds), "
                + "pushes: \(run.pushes), [\n\(tasks)\n        ]),"
        }
        let workers = workload.workers.map { offer in
            "        .offer(\(offer.worker), slots: \(offer.slots), \(offer.executors.sorted())),"
        }
        return """
            Schedule(seed: \(seed), workload: Workload(
                runs: [
            \(runs.joined(separator: "\n"))
                ],
                workers: [
            \(workers.joined(separator: "\n"))
                ]),
                steps: [
            \(steps.map { "        \($0.source)," }.joined(separator: "\n"))
                ])
            """
    }
}

extension SimulatedTask {
    fileprivate var source: String {
        let wants = ready.requirements
        var parts = ["\(id)", "\(duration)"]
        if ready.taskClass.kind != 0 { parts.append("kind: \(ready.taskClass.kind)") }
        if ready.priority != 0 { parts.append("priority: \(ready.priority)") }
        if wants.cores != 1 { parts.append("cores: \(wants.cores)") }
        if wants.executor != "python" { parts.append("executor: \"\(wants.executor)\"") }
        if wants.retries != 0 { parts.append("retries: \(wants.retries)") }
        if wants.maxAttempts != 1_000 { parts.append("maxAttempts: \(wants.maxAttempts)") }
        if script != .succeeds { parts.append("script: .\(script)") }
        if !dependencies.isEmpty { parts.append("after: \(dependencies.map(\.rawValue))") }
        return ".task(\(parts.joined(separator: ", ")))"
    }
}

extension Adversity {
    fileprivate var source: String {
        func optional(_ value: UInt64?) -> String { value.map { "\($0)" } ?? "nil" }
        switch self {
        case .crash(let at, let worker, let noticed, let returns, let sameID):
            return ".crash(at: \(at), worker: \(worker), noticed: \(optional(noticed)), returns: \(optional(returns)), "
                + "sameID: \(sameID))"
        case .cancelRun(let at, let run): return ".cancelRun(at: \(at), RunID(\(run)))"
        case .cancelTask(let at, let task): return ".cancelTask(at: \(at), TaskID(\(task)))"
        case .clientGone(let at, let run): return ".clientGone(at: \(at), RunID(\(run)))"
        case .drop(let link, let message): return ".drop(\(link.source), message: \(message))"
        case .double(let link, let message): return ".double(\(link.source), message: \(message))"
        case .delay(let link, let message, let time):
            return ".delay(\(link.source), message: \(message), by: \(time))"
        case .overtake(let link, let message): return ".overtake(\(link.source), message: \(message))"
        case .freeze, .slow, .drain, .join, .stall: return ".\(self)"
        }
    }
}

extension Link {
    fileprivate var source: String {
        switch self {
        case .down(let id): ".down(\(id))"
        case .up(let id): ".up(\(id))"
        }
    }
}
