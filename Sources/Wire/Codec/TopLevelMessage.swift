import AnabranchCore
import CProtobufC

/// A message that stands alone in a frame: packing and unpacking are the same for all.
protocol TopLevelMessage: MappedValue, WireMessage {
    static var name: StaticString { get }
    /// Bytes of the largest that is taken.
    static var limit: Int { get }
}

extension TopLevelMessage {
    public func encoded() -> [UInt8] { encoded(after: 0) }

    /// The packed message behind `prefix` bytes of zeros, for a caller that puts a length there.
    func encoded(after prefix: Int) -> [UInt8] {
        let arena = Arena(expecting: 1 << 16)
        let base = UnsafeRawPointer(arena.packable(self))
            .assumingMemoryBound(to: ProtobufCMessage.self)
        let size = protobuf_c_message_get_packed_size(base)
        return [UInt8](unsafeUninitializedCapacity: prefix + size) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            start.initialize(repeating: 0, count: prefix)
            count = prefix + protobuf_c_message_pack(base, start + prefix)
        }
    }

    public init(decoding bytes: UnsafeRawBufferPointer) throws(WireError) {
        if bytes.count > Self.limit {
            throw .oversized(message: Self.name.description, bytes: bytes.count, limit: Self.limit)
        }
        // The structs of a sound message are a few times larger than its bytes; many times larger ones are an attack.
        let arena = Arena(expecting: 8 * bytes.count, limit: 1 << 16 + 64 * bytes.count)
        var allocator = arena.allocator
        guard
            let unpacked = protobuf_c_message_unpack(
                Self.descriptor, &allocator, bytes.count, bytes.bindMemory(to: UInt8.self).baseAddress)
        else {
            throw .undecodable(message: Self.name.description, bytes: bytes.count)
        }
        try self.init(UnsafeRawPointer(unpacked).assumingMemoryBound(to: CMessage.self))
    }

    /// As it stands in every initialised struct.
    private static var descriptor: UnsafePointer<ProtobufCMessageDescriptor> {
        withUnsafeTemporaryAllocation(of: CMessage.self, capacity: 1) { message in
            initialize(message.baseAddress!)
            return UnsafeRawPointer(message.baseAddress!)
                .load(as: ProtobufCMessage.self).descriptor
        }
    }

    static func check(protocolVersion: UInt32) throws(WireError) {
        if protocolVersion != ProtocolVersion.current { throw .version(found: protocolVersion) }
    }
}
