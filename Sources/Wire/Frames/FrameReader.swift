import AnabranchCore

/// Cuts a byte stream into frames: four bytes of little-endian length, then that many bytes.
public struct FrameReader {
    public static let prefixBytes = 4

    private var buffer: [UInt8] = []
    private var start = 0
    private let limit: Int

    /// - Parameter limit: bytes of the largest frame that is taken.
    public init(limit: Int = MessageLimit.data) { self.limit = limit }

    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if start > 0 && start == buffer.count {
            buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 20)
            start = 0
        } else if start > 1 << 16 {
            buffer.removeSubrange(..<start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// Reads the next whole frame.
    /// - Returns: nil when its end has not come yet.
    public mutating func next<Message: WireMessage>(as type: Message.Type) throws(WireError) -> Message? {
        guard buffer.count - start >= FrameReader.prefixBytes else { return nil }
        let length = buffer.withUnsafeBytes {
            Int(UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: start, as: UInt32.self)))
        }
        if length > limit { throw .oversized(message: "frame", bytes: length, limit: limit) }
        let first = start + FrameReader.prefixBytes
        guard buffer.count - first >= length else { return nil }
        start = first + length
        return try buffer.withUnsafeBufferPointer { bytes throws(WireError) in
            try Message(decoding: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[first..<first + length])))
        }
    }
}
