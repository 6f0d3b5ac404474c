/// Cuts a byte stream into frames: 4 bytes little-endian length, then so many bytes.
struct FrameBuffer {
    /// A frame that claims to be larger ends the conversation.
    struct Oversized: Error {
        let length: Int
    }

    let limit: Int
    private var bytes: [UInt8] = []
    private var start = 0

    init(limit: Int) { self.limit = limit }

    mutating func append(_ more: UnsafeRawBufferPointer) {
        if start == bytes.count {
            bytes.removeAll(keepingCapacity: true)
            start = 0
        } else if start > 1 << 20 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes.append(contentsOf: more)
    }

    /// Calls `body` with each whole frame, in order; the bytes are valid only during the call.
    mutating func forEachFrame(_ body: (UnsafeRawBufferPointer) -> Void) throws {
        while bytes.count - start >= 4 {
            let length = (0..<4).reduce(0) { $0 | Int(bytes[start + $1]) << (8 * $1) }
            guard length <= limit else { throw Oversized(length: length) }
            guard bytes.count - start - 4 >= length else { return }
            bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[(start + 4)..<(start + 4 + length)])) }
            start += 4 + length
        }
    }

    static func header(_ length: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } }
}
