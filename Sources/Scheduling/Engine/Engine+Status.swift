import AnabranchCore
import PipelineGraph

extension Engine {
    /// The whole of the coordinator, or one run with the pool around it.
    func status(of run: RunID?, at now: Instant) -> Status {
        var statuses: [RunStatus] = []
        let placed = scheduler.placedByClass
        for record in runs.values where run == nil || run == record.id {
            statuses.append(record.status(at: now, unixOffset: configuration.unixOffset, placed: placed))
        }
        var placedByRun: [RunID: Int] = [:]
        for (taskClass, count) in placed { placedByRun[taskClass.run, default: 0] += count }
        for record in sessions.values where run == nil || run == record.id {
            let running = UInt64(placedByRun[record.id] ?? 0)
            statuses.append(record.status(at: now, unixOffset: configuration.unixOffset, running: running))
        }
        for index in statuses.indices { statuses[index].waiting = awaited(by: statuses[index].run) }
        let lent = workers.values.reduce(0) { $0 + $1.lent.count }
        let waiting = sessions.values.reduce(0) { $0 + $1.ready.count }
        return Status(
            epoch: configuration.epoch, workers: workers.values.map(\.status),
            runs: statuses.sorted { $0.run < $1.run }, storeBytes: catalog.totalBytes,
            storeBudget: configuration.storeBudget, objects: UInt64(catalog.count),
            droppedMessages: workers.values.reduce(dropped) { $0 &+ $1.droppedMessages },
            version: configuration.versions.anabranch, queued: UInt64(max(0, tasks.count - lent) + waiting),
            storeHolders: run == nil ? storeHolders(5) : [])
    }
}

extension SessionRecord {
    fileprivate func status(at now: Instant, unixOffset: UInt64, running: UInt64) -> RunStatus {
        let progress = NodeProgress(
            node: nil, planned: submitted, isOpen: true, running: running, succeeded: succeeded, failed: failed)
        return RunStatus(
            run: id, name: name, state: .running, progress: [progress],
            startedUnixMilliseconds: (started.microseconds + unixOffset) / 1000,
            elapsedMilliseconds: now.since(started) / 1000, isSession: true)
    }
}
