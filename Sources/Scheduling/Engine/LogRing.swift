import AnabranchCore
import DequeModule

/// The last lines that a run's tasks wrote, bounded in number and size.
struct LogRing: Hashable, Sendable {
    private(set) var lines: Deque<SlotLog> = []
    private var bytes = 0
    private static let lineLimit = 4096
    private static let byteLimit = 1 << 20

    mutating func append(_ log: SlotLog) {
        lines.append(log)
        bytes += log.text.utf8.count
        while lines.count > 1, lines.count > Self.lineLimit || bytes > Self.byteLimit {
            bytes -= lines.removeFirst().text.utf8.count
        }
    }

    /// An empty name means every node.
    func lines(of node: String) -> [SlotLog] {
        lines.filter { node.isEmpty || $0.node == node }
    }
}
