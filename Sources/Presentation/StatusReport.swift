import AnabranchCore
import Foundation
import PipelineGraph

/// A coordinator's status as text and as JSON.
package struct StatusReport: Encodable {
    package struct Worker: Encodable {
        let worker: UInt64
        let host: String
        let pid: UInt32
        let slots: UInt32
        let running: UInt32
        let state: String
        let finished: UInt64
        let labels: [String]
        /// It does not see the coordinator's store.
        let ownStore: Bool
        /// Of two statuses one after the other; nil of a single one.
        var tasksPerSecond: Double?
    }

    package struct Node: Encodable {
        let node: String
        let planned: UInt64
        let open: Bool
        let running: UInt64
        let succeeded: UInt64
        let failed: UInt64
        let skipped: UInt64
    }

    package struct Run: Encodable {
        let run: UInt64
        let name: String
        let state: String
        let session: Bool
        let seconds: Double
        let nodes: [Node]
        /// What its tasks wait for that may never come; empty otherwise.
        let waiting: String
    }

    package struct Holder: Encodable {
        let name: String
        let bytes: UInt64
    }

    /// When it was so; nil of a single status.
    package var time: String?
    let version: String
    package internal(set) var workers: [Worker]
    package let runs: [Run]
    /// As that of workers.
    package internal(set) var tasksPerSecond: Double?
    let queued: UInt64
    let storeBytes: UInt64
    let storeBudget: UInt64
    let objects: UInt64
    let droppedMessages: UInt64
    /// Who needs most of the store.
    let holders: [Holder]

    package init(_ status: Status) {
        version = status.version
        queued = status.queued
        storeBytes = status.storeBytes
        storeBudget = status.storeBudget
        objects = status.objects
        droppedMessages = status.droppedMessages
        holders = status.storeHolders.map { Holder(name: $0.name, bytes: $0.bytes) }
        workers = status.workers.map {
            Worker(
                worker: $0.worker.rawValue, host: $0.host, pid: $0.processID, slots: $0.slots, running: $0.running,
                state: "\($0.state)", finished: $0.finished, labels: $0.labels, ownStore: $0.hasOwnStore)
        }
        runs = status.runs.map { run in
            Run(
                run: run.run.rawValue, name: run.name, state: "\(run.state)", session: run.isSession,
                seconds: Double(run.elapsedMilliseconds) / 1_000,
                nodes: run.progress.map { progress in
                    let name = progress.node.map { Int($0.rawValue) }
                        .flatMap { run.nodes.indices.contains($0) ? run.nodes[$0] : nil }
                    return Node(
                        node: name ?? "cv", planned: progress.planned, open: progress.isOpen, running: progress.running,
                        succeeded: progress.succeeded, failed: progress.failed, skipped: progress.skipped)
                }, waiting: run.waiting)
        }
    }

    package func json(onOneLine: Bool = false) throws -> String { try JSONDocument.text(self, onOneLine: onOneLine) }

    static func count(_ number: some BinaryInteger, _ what: String) -> String {
        "\(number) \(what)\(number == 1 ? "" : "s")"
    }

    package func text() -> String {
        var lines = [
            "anabranch \(version): \(Self.count(workers.count, "worker")), \(Self.count(runs.count, "run")), "
                + "\(Self.count(queued, "task")) queued; store \(storeBytes / 1_048_576) of "
                + "\(storeBudget / 1_048_576) MiB in \(Self.count(objects, "object"))"
        ]
        for worker in workers {
            let labels = worker.labels.isEmpty ? "" : " " + worker.labels.joined(separator: " ")
            let store = worker.ownStore ? "  own store" : ""
            lines.append(
                "worker \(worker.worker)  \(worker.state)  \(worker.running)/\(worker.slots) slots  "
                    + "\(worker.finished) done  \(worker.host):\(worker.pid)\(store)\(labels)")
        }
        for run in runs {
            lines.append(
                "run \(run.run)  \(run.state)  \(String(format: "%.1f", run.seconds)) s  \(run.name)\(run.session ? " (calls)" : "")"
            )
            if !run.waiting.isEmpty { lines.append("    \(run.waiting)") }
            for node in run.nodes {
                let planned = node.open ? "\(node.planned)+" : "\(node.planned)"
                var line = "    \(node.node): \(node.succeeded) of \(planned) done, \(node.running) running"
                if node.failed > 0 { line += ", \(node.failed) failed" }
                if node.skipped > 0 { line += ", \(node.skipped) skipped" }
                lines.append(line)
            }
        }
        for holder in holders where holder.bytes >= 1_048_576 {
            lines.append("store  \(holder.bytes / 1_048_576) MiB  \(holder.name)")
        }
        return lines.joined(separator: "\n")
    }
}
