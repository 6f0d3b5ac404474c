/// A top-level message: what one frame of a socket, or of a runtime's stream, holds.
///
/// Equal values have equal bytes, and the same bytes as the Python package gives them.
public protocol WireMessage: Hashable, Sendable {
    func encoded() -> [UInt8]

    /// Reads a message from a peer. Whatever the bytes are, the result is a value whose invariants hold or a typed error.
    init(decoding bytes: UnsafeRawBufferPointer) throws(WireError)
}

extension WireMessage {
    public init(decoding bytes: [UInt8]) throws(WireError) {
        self = try bytes.withUnsafeBufferPointer { buffer throws(WireError) in
            try Self(decoding: UnsafeRawBufferPointer(buffer))
        }
    }
}
