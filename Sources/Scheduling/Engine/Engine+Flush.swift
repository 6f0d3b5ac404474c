import AnabranchCore
import PipelineGraph

extension Engine {
    /// Makes messages of what the events have changed: updates and results to clients, then releases, then lanes.
    mutating func flush(at now: Instant) {
        for id in outbox.takeChanged() {
            if runs.contains(id) {
                pushRun(id, at: now)
                publish(id, at: now)
            } else {
                pushResults(id)
            }
        }
        routeReleases()
        for batch in outbox.takeBatches() {
            if let numbered = workers[batch.worker]?.numbered(batch) { outbox.effects.append(.send(numbered)) }
        }
    }

    /// Sends every watcher what it has not seen, in messages of a bounded size. The last one carries state and progress.
    mutating func pushRun(_ id: RunID, at now: Instant) {
        guard let record = runs[id], !record.watchers.isEmpty else { return }
        // Progress without entries is news only now and then.
        let isNews = record.state != .running || record.watchers.values.contains { $0 < record.history.count }
        if !isNews, let last = record.pushed, now.since(last) < configuration.publishInterval { return }
        runs[id]?.pushed = now
        let progress = record.progress
        let message = message(of: record)
        for (client, seen) in record.watchers.sorted(by: { $0.key < $1.key }) {
            var next = seen
            repeat {
                let end = min(next + configuration.updateLimit, record.history.count)
                let entries = record.history[next..<end].map(\.update)
                for entry in entries { entry.forEachReference { catalog.hold($0, by: client) } }
                let isLast = end == record.history.count
                outbox.effects.append(
                    .push(
                        client,
                        .runUpdate(
                            RunUpdate(
                                run: id, entries: entries, state: isLast ? record.state : .running,
                                progress: isLast ? progress : [], message: isLast ? message : ""))))
                next = end
            } while next < record.history.count
            runs[id]?.watchers[client] = next
        }
    }

    private mutating func publish(_ id: RunID, at now: Instant) {
        guard let record = runs[id] else { return }
        if let last = record.published, record.state == .running, now.since(last) < configuration.publishInterval {
            return
        }
        runs[id]?.published = now
        outbox.effects.append(
            .publishRun(
                RunUpdate(run: id, state: record.state, progress: record.progress, message: message(of: record))))
    }

    /// Why the run ended as it did, or what it waits for.
    private func message(of record: RunRecord) -> String {
        record.state == .running ? awaited(by: record.id) : record.message
    }

    private mutating func pushResults(_ id: RunID) {
        guard let client = sessions[id]?.client, let results = sessions[id]?.takeResults(), !results.isEmpty else {
            return
        }
        for result in results {
            result.outcome.forEachReference {
                catalog.hold($0, by: client)
                catalog.endUse($0)
            }
        }
        for start in stride(from: 0, to: results.count, by: configuration.updateLimit) {
            let end = min(start + configuration.updateLimit, results.count)
            outbox.effects.append(
                .push(client, .callResults(CallResults(run: id, results: Array(results[start..<end])))))
        }
    }

    /// Tells writers' owners which regions they may use again. A worker out of reach hears of them when it returns.
    private mutating func routeReleases() {
        var toClients: [ClientID: [ObjectID]] = [:]
        for effect in catalog.takeEffects() {
            switch effect {
            case .removeSegments(let writer, let keeping):
                outbox.effects.append(.removeSegments(writer, keeping: keeping))
            case .release(let object, owner: .client(let client)):
                if clients.contains(client) { toClients[client, default: []].append(object) }
            case .release(let object, owner: .worker(let worker)):
                if workers[worker]?.state == .lost {
                    workers[worker]?.releases.append(object)
                } else if workers.contains(worker) {
                    outbox.lane(worker, configuration.epoch) { $0.releases.append(object) }
                }
            }
        }
        for (client, objects) in toClients.sorted(by: { $0.key < $1.key }) {
            outbox.effects.append(.push(client, .releaseObjects(objects)))
        }
    }
}

extension SessionRecord {
    fileprivate mutating func takeResults() -> [CallResult] {
        defer { results = [] }
        return results
    }
}
