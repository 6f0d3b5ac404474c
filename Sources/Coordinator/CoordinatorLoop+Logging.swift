import AnabranchCore
import Logging
import Scheduling

extension CoordinatorLoop {
    /// A worker has come, or goes.
    func log(_ status: WorkerStatus) {
        let level: Logger.Level = status.state == .lost ? .warning : .info
        let what =
            switch status.state {
            case .active: "worker joined"
            case .draining: "worker drains"
            case .lost: "worker lost"
            case .left: "worker left"
            }
        logger.log(
            level: level, "\(what)",
            metadata: [
                "worker": .id(status.worker.rawValue), "host": "\(status.host)", "pid": .id(UInt64(status.processID)),
                "slots": .id(UInt64(status.slots)), "running": .id(UInt64(status.running)),
            ])
    }

    func log(_ notice: Notice, at now: Instant) {
        switch notice {
        case .clientJoined(let client, let name):
            logger.debug("client joined", metadata: ["client": .id(client.rawValue), "name": "\(name)"])
        case .clientLeft(let client, let name):
            logger.debug("client left", metadata: ["client": .id(client.rawValue), "name": "\(name)"])
        case .runAccepted(let run, let name, let client, let isSession):
            logger.info(
                isSession ? "session opened" : "run accepted",
                metadata: ["run": .id(run.rawValue), "name": "\(name)", "client": .id(client.rawValue)])
        case .runEnded(let ended): log(ended)
        case .attemptFailed(let attempt):
            log(attempt, attempt.isRetried ? "attempt failed, tried again" : "task failed", .info, at: now)
        case .attemptLost(let attempt):
            log(attempt, attempt.isRetried ? "attempt lost, tried again" : "task lost", .warning, at: now)
        }
    }

    private func log(_ ended: EndedRun) {
        var metadata: Logger.Metadata = [
            "run": .id(ended.run.rawValue), "name": "\(ended.name)", "succeeded": .id(ended.succeeded),
            "failed": .id(ended.failed), "skipped": .id(ended.skipped),
            "seconds": .stringConvertible(Double(ended.milliseconds) / 1000),
        ]
        if let state = ended.state { metadata["state"] = "\(state)" }
        if !ended.message.isEmpty { metadata["reason"] = "\(ended.message)" }
        logger.info(ended.isSession ? "session closed" : "run ended", metadata: metadata)
    }

    private func log(_ ended: EndedAttempt, _ message: Logger.Message, _ level: Logger.Level, at now: Instant) {
        guard logger.logLevel <= level, let omitted = noticeLimit.admit(at: now) else { return }
        var metadata: Logger.Metadata = [
            "run": .id(ended.run.rawValue), "task": .id(ended.attempt.task.rawValue),
            "attempt": .id(UInt64(ended.attempt.number)), "cause": "\(ended.cause)",
        ]
        if let worker = ended.worker { metadata["worker"] = .id(worker.rawValue) }
        if !ended.node.isEmpty { metadata["node"] = "\(ended.node)" }
        if !ended.key.isEmpty { metadata["key"] = "\(ended.key)" }
        if !ended.message.isEmpty { metadata["reason"] = "\(ended.message)" }
        if omitted > 0 { metadata["omitted"] = .id(UInt64(omitted)) }
        logger.log(level: level, message, metadata: metadata)
    }
}

extension Logger.MetadataValue {
    /// A number, which stays one where lines have types.
    static func id(_ number: UInt64) -> Logger.MetadataValue { .stringConvertible(number) }
}
