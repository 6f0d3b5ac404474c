import AnabranchCore

/// Name of a segment file: `seg-<writer, 16 hex digits>-<number, decimal>`.
struct SegmentName: Hashable, Sendable, CustomStringConvertible {
    static let prefix = "seg-"

    let writer: WriterID
    let number: UInt32

    init(writer: WriterID, number: UInt32) {
        self.writer = writer
        self.number = number
    }

    /// Nil when `name` is no segment's name.
    init?(_ name: some StringProtocol) {
        guard name.hasPrefix(Self.prefix) else { return nil }
        let parts = name.dropFirst(Self.prefix.count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 16, let writer = UInt64(parts[0], radix: 16),
            let number = UInt32(parts[1]), number > 0
        else { return nil }
        self.init(writer: WriterID(writer), number: number)
    }

    var description: String { "\(Self.prefix)\(writer.hexadecimal)-\(number)" }
}

extension WriterID {
    /// 16 hex digits.
    var hexadecimal: String {
        let digits = String(rawValue, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Name of the file that the writer holds locked for as long as it lives.
    var lockName: String { "writer-\(hexadecimal).lock" }
}
