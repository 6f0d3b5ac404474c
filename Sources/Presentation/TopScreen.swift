/// What `anabranch top` shows: a report laid out in lines, which fit a terminal when there is one.
package struct TopScreen {
    private let report: StatusReport
    private let address: String
    /// What stands in the way of news; nil when there is nothing.
    private let trouble: String?

    package init(_ report: StatusReport, address: String, trouble: String? = nil) {
        self.report = report
        self.address = address
        self.trouble = trouble
    }

    /// Everything, in lines as long as they are.
    package var lines: [String] { (summary + workerTable + runTable).map(Cells.plain) }

    /// So much as fits; the last line says how to leave.
    package func lines(columns: Int, rows: Int) -> [String] {
        let foot = trouble.map { "no news: \($0)" } ?? "q to leave"
        let room = max(1, rows - 1)
        var body = summary
        let left = room - body.count
        let workers = workerTable
        let runs = runTable
        // Each gets what it needs when the other leaves it, and half otherwise.
        let half = max(0, left / 2)
        let workerRoom = max(min(workers.count, half), left - runs.count)
        body += Self.cut(workers, to: workerRoom, "workers")
        body += Self.cut(runs, to: max(0, room - body.count), "lines of runs")
        body = Array(body.prefix(room))
        body += Array(repeating: "", count: max(0, rows - 1 - body.count))
        return (body + [foot]).suffix(max(1, rows)).map { Cells.clipped(Cells.plain($0), to: columns) }
    }

    private static func cut(_ lines: [String], to room: Int, _ what: String) -> [String] {
        if lines.count <= room { return lines }
        guard room > 0 else { return [] }
        return lines.prefix(room - 1) + ["  … \(lines.count - room + 1) more \(what)"]
    }

    // MARK: - Parts

    private var summary: [String] {
        let states = ["active", "draining", "lost", "left"].compactMap { state -> String? in
            let count = report.workers.count { $0.state == state }
            return count > 0 ? "\(count) \(state)" : nil
        }
        let taking = report.workers.filter { $0.state == "active" }
        let slots = taking.reduce(0) { $0 + Int($1.slots) }
        let busy = taking.reduce(0) { $0 + Int(min($1.running, $1.slots)) }
        let running = report.workers.reduce(0) { $0 + Int($1.running) }
        let rate = report.tasksPerSecond.map { "   \(Self.decimal($0)) tasks/s" } ?? ""
        var lines = [
            "anabranch \(report.version)   \(address)   \(report.time ?? "")",
            "workers  \(states.isEmpty ? "none" : states.joined(separator: ", "))   slots \(busy)/\(slots) busy",
            "tasks    \(report.queued) queued   \(running) with workers\(rate)",
            "store    \(Self.bar(Double(report.storeBytes), of: Double(report.storeBudget), 20)) "
                + "\(Self.mebibytes(report.storeBytes)) of \(Self.mebibytes(report.storeBudget)) MiB   "
                + StatusReport.count(report.objects, "object"),
        ]
        if let most = report.holders.first, most.bytes >= 1_048_576 {
            lines[3] += "   most: \(most.name) (\(Self.mebibytes(most.bytes)) MiB)"
        }
        if report.droppedMessages > 0 { lines[2] += "   \(report.droppedMessages) messages dropped" }
        return lines
    }

    private var workerTable: [String] {
        if report.workers.isEmpty { return [] }
        var lines = ["", "WORKER  STATE        BUSY     DONE  TASKS/S  HOST"]
        for worker in report.workers {
            let cells = [
                Cells.padded("\(worker.worker)", to: 6, right: true), Cells.padded(worker.state, to: 8),
                Cells.padded("\(worker.running)/\(worker.slots)", to: 8, right: true),
                Cells.padded("\(worker.finished)", to: 7, right: true),
                Cells.padded(worker.tasksPerSecond.map(Self.decimal) ?? "-", to: 7, right: true),
                "\(worker.host):\(worker.pid)" + (worker.ownStore ? "  own store" : "")
                    + (worker.labels.isEmpty ? "" : "  " + worker.labels.joined(separator: " ")),
            ]
            lines.append(cells.joined(separator: "  "))
        }
        return lines
    }

    /// What runs first, then what ended last.
    private var runTable: [String] {
        if report.runs.isEmpty { return [] }
        var lines = ["", "   RUN  STATE      SECONDS  PROGRESS                        NAME"]
        let running = report.runs.filter { $0.state == "running" }
        for run in running + report.runs.filter({ $0.state != "running" }).reversed() {
            let done = run.nodes.reduce(0) { $0 + $1.succeeded }
            let failed = run.nodes.reduce(0) { $0 + $1.failed + $1.skipped }
            let planned = run.nodes.reduce(0) { $0 + $1.planned }
            let isOpen = run.nodes.contains(where: \.open)
            var progress =
                "\(Self.bar(Double(done + failed), of: Double(planned), 10)) \(done)/\(planned)\(isOpen ? "+" : "")"
            if failed > 0 { progress += ", \(failed) not" }
            let cells = [
                Cells.padded("\(run.run)", to: 6, right: true), Cells.padded(run.state, to: 9),
                Cells.padded(Self.decimal(run.seconds), to: 8, right: true), Cells.padded(progress, to: 30),
                "\(run.name)\(run.session ? " (calls)" : "")",
            ]
            lines.append(cells.joined(separator: "  "))
            guard run.state == "running" else { continue }
            if !run.waiting.isEmpty { lines.append("        waits: \(run.waiting)") }
            if run.session { continue }
            for node in run.nodes where node.running > 0 || node.failed > 0 {
                var line = "        \(node.node): \(node.succeeded)/\(node.planned)\(node.open ? "+" : "")"
                line += ", \(node.running) running"
                if node.failed > 0 { line += ", \(node.failed) failed" }
                lines.append(line)
            }
        }
        return lines
    }

    // MARK: - Numbers

    private static func mebibytes(_ bytes: UInt64) -> String { "\(bytes / 1_048_576)" }

    /// One place after the point.
    static func decimal(_ number: Double) -> String {
        let tenths = Int64((number * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }

    static func bar(_ part: Double, of whole: Double, _ cells: Int) -> String {
        let share = whole > 0 ? min(1, max(0, part / whole)) : 0
        let full = Int((share * Double(cells)).rounded(.down))
        return "[" + String(repeating: "#", count: full) + String(repeating: "-", count: cells - full) + "]"
    }
}
