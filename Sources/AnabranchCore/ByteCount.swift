/// A number of bytes as messages show it: `640 bytes`, `1.5 MiB`.
public struct ByteCount: Hashable, Sendable, CustomStringConvertible {
    public let bytes: UInt64

    public init(_ bytes: some BinaryInteger) { self.bytes = UInt64(clamping: bytes) }

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
