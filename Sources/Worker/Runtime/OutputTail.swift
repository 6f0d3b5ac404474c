/// Keeps the last bytes of what a runtime wrote, for the error of a task that died.
struct OutputTail {
    static let capacity = 8_192
    static let lines = 20

    private var bytes: [UInt8] = []

    mutating func append(_ more: some Collection<UInt8>) {
        bytes.append(contentsOf: more.suffix(Self.capacity))
        if bytes.count > 2 * Self.capacity { bytes.removeFirst(bytes.count - Self.capacity) }
    }

    mutating func clear() { bytes.removeAll(keepingCapacity: true) }

    /// The last lines, without a line that was cut at its beginning.
    var text: String {
        let text = String(decoding: bytes.suffix(Self.capacity), as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: false).suffix(Self.lines + 1)
            .joined(separator: "\n").trimmed
    }
}

extension String {
    fileprivate var trimmed: String {
        var view = self[...]
        while view.last?.isNewline == true { view.removeLast() }
        return String(view)
    }
}
