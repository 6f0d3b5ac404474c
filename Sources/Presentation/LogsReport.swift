import AnabranchCore

/// What a run's tasks wrote, as text with the names of those that wrote it, and as JSON.
package struct LogsReport: Encodable {
    package struct Entry: Encodable {
        /// Nil: unknown.
        let task: UInt64?
        /// Empty for a call.
        let node: String
        let worker: UInt64?
        let stream: String
        let text: String
    }

    let run: UInt64
    let entries: [Entry]

    package init(run: UInt64, _ logs: [SlotLog]) {
        self.run = run
        entries = logs.map {
            Entry(
                task: $0.task?.rawValue, node: $0.node, worker: $0.worker?.rawValue,
                stream: $0.isErrorStream ? "stderr" : "stdout", text: $0.text)
        }
    }

    package func json() throws -> String { try JSONDocument.text(self) }

    /// Whole lines, each behind who wrote it: what a task wrote in several pieces is put together.
    package var lines: [(isError: Bool, text: String)] {
        struct Writer: Hashable {
            let task: UInt64?
            let stream: String
        }
        var lines: [(isError: Bool, text: String)] = []
        /// Where the unfinished line of each writer stands.
        var open: [Writer: Int] = [:]
        for entry in entries {
            let writer = Writer(task: entry.task, stream: entry.stream)
            let parts = entry.text.split(separator: "\n", omittingEmptySubsequences: false)
            for (index, part) in parts.enumerated() {
                let isLast = index == parts.count - 1
                if let place = open[writer] {
                    lines[place].text += part
                } else if !(isLast && part.isEmpty) {
                    lines.append((entry.stream == "stderr", "\(Self.label(entry)) \(part)"))
                    open[writer] = lines.count - 1
                }
                if !isLast { open[writer] = nil }
            }
        }
        return lines
    }

    private static func label(_ entry: Entry) -> String {
        var words: [String] = []
        if let task = entry.task { words.append("task \(task)") }
        if !entry.node.isEmpty { words.append(entry.node) }
        if let worker = entry.worker { words.append("worker \(worker)") }
        return "[" + words.joined(separator: ", ") + "]"
    }
}
