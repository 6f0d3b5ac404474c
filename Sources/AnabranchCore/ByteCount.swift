/// A number of bytes as messages show it: `640 bytes`, `1.5 MiB`.
public struct ByteCount: Hashable, Sendable, CustomStringConvertible {
    public let bytes: UInt64

    public init(_ bytes: some BinaryInteger) { self.bytes = UInt64(clamping: bytes) }

    /// As people write it: `64M`, `2G`, `1048576`. Nil for anything else, and for none.
    public init?(parsing text: String) {
        let units: [Character: UInt64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
        let unit = text.uppercased().last.flatMap { units[$0] }
        guard let number = UInt64(unit == nil ? text : String(text.dropLast())), number > 0 else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
        if overflow { return nil }
        self.bytes = bytes
    }

    public var description: String {
        if bytes < 1024 { return "\(bytes) bytes" }
        var tenths = bytes
        for unit in ["KiB", "MiB", "GiB", "TiB", "PiB"] {
            // Rounded to tenths in integers: this target has no number formatting.
            let rounded = (tenths * 10 + 512) / 1024
            if rounded < 10_240 || unit == "PiB" { return "\(rounded / 10).\(rounded % 10) \(unit)" }
            tenths = (tenths + 512) / 1024
        }
        return "\(bytes) bytes"
    }
}
