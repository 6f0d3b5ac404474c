/// Keeps the last bytes of what a runtime wrote, for the error of a task that died.
///
/// The dump that the interpreter writes when it crashes is long and comes last: of it the beginning stays, which says where,
/// and beside it the task's own last lines.
struct OutputTail {
    static let capacity = 8_192
    static let lines = 20
    /// Of an interpreter's dump: what happened, and the innermost frames, which come first.
    static let dumpLines = 12
    /// Frames of many threads and the names of all extension modules.
    static let longestDump = 1 << 15

    private var bytes: [UInt8] = []

    mutating func append(_ more: some Collection<UInt8>) {
        let kept = Self.capacity + Self.longestDump
        bytes.append(contentsOf: more.suffix(kept))
        if bytes.count > 2 * kept { bytes.removeFirst(bytes.count - kept) }
    }

    mutating func clear() { bytes.removeAll(keepingCapacity: true) }

    /// The last lines, without a line that was cut at its beginning.
    var text: String {
        let lines = bytes.suffix(Self.capacity + Self.longestDump)
            .split(separator: newline, omittingEmptySubsequences: false)
        guard let start = lines.lastIndex(where: { $0.starts(with: CrashDump.title) }) else {
            return Self.end(of: lines).trimmed
        }
        // The streams are read one after the other: what the task printed may stand behind the dump.
        let rest = lines[start...].dropFirst()
        let dump = lines[start...].prefix(1) + rest.filter(CrashDump.has)
        let own = Self.end(of: Array(lines[..<start] + rest.filter { !CrashDump.has($0) }))
        return [own.trimmed, Self.beginning(of: dump)].filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private static func end(of lines: [ArraySlice<UInt8>]) -> String {
        let text = String(decoding: lines.joined(separator: [newline]).suffix(capacity), as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: false).suffix(Self.lines + 1)
            .joined(separator: "\n")
    }

    private static func beginning(of dump: some Collection<ArraySlice<UInt8>>) -> String {
        let lines = dump.filter { !$0.isEmpty && !$0.starts(with: CrashDump.modules) }
        let shown = lines.prefix(dumpLines).map { String(decoding: $0.prefix(lineLength), as: UTF8.self) }
        let more = lines.count - shown.count
        return (shown + (more > 0 ? ["  ... \(more) more lines"] : [])).joined(separator: "\n")
    }

    private static let lineLength = 400
}

/// What the lines begin with that Python's `faulthandler` writes.
private enum CrashDump {
    static let title = Array("Fatal Python error: ".utf8)
    static let modules = Array("Extension modules: ".utf8)
    private static let others = [
        "Python runtime state: ", "Current thread ", "Thread 0x", "  File \"", "  Binary file \"", "  ...",
        "  <no Python frame>", "<Cannot show ", "<truncated rest of calls>",
    ].map { Array($0.utf8) }

    static func has(_ line: ArraySlice<UInt8>) -> Bool {
        line.isEmpty || line.starts(with: modules) || others.contains { line.starts(with: $0) }
    }
}

private let newline = UInt8(ascii: "\n")

extension String {
    fileprivate var trimmed: String {
        var view = self[...]
        while view.last?.isNewline == true { view.removeLast() }
        return String(view)
    }
}
