extension ToRuntime {
    /// The message behind its length, ready for the runtime's socket.
    /// - Throws: `oversized` when the runtime would refuse it.
    public func framed() throws(WireError) -> [UInt8] { try Wire.framed(self) }
}

extension FromRuntime {
    /// The message behind its length, as a runtime sends it.
    public func framed() throws(WireError) -> [UInt8] { try Wire.framed(self) }
}

private func framed<Message: TopLevelMessage>(_ message: Message) throws(WireError) -> [UInt8] {
    var bytes = message.encoded(after: FrameReader.prefixBytes)
    let length = bytes.count - FrameReader.prefixBytes
    if length > Message.limit {
        throw .oversized(message: Message.name.description, bytes: length, limit: Message.limit)
    }
    bytes.withUnsafeMutableBytes { $0.storeBytes(of: UInt32(length).littleEndian, as: UInt32.self) }
    return bytes
}
