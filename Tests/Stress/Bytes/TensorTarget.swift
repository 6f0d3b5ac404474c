import ObjectStore

/// What another process has written as a tensor: a header is believed only as far as the bytes go.
struct TensorTarget: ByteTarget {
    private var sum: UInt64 = 0

    /// A small array of any element type, order and shape.
    func original(using random: inout SplitMix64) -> [UInt8] {
        let dtypes = DType.allCases
        let dtype = dtypes[random.integer(0...dtypes.count - 1)]
        let shape = (0..<random.integer(0...10)).map { _ in random.integer(0...3) }
        let header = (8 + 8 * shape.count + 63) & ~63
        var bytes = Array("ABTN".utf8) + [1, dtype.rawValue, UInt8(random.integer(0...1)), UInt8(shape.count)]
        for length in shape { bytes += (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } }
        bytes += [UInt8](repeating: 0, count: header - bytes.count)
        return bytes + [UInt8](repeating: 7, count: shape.reduce(dtype.size, *))
    }

    mutating func take(_ message: [UInt8]) throws -> Bool {
        try message.withUnsafeBytes { bytes throws -> Bool in
            guard let header = try? TensorHeader(decoding: bytes) else { return false }
            guard header.length + header.byteCount == bytes.count else {
                throw ByteFailure("\(bytes.count) bytes were taken for \(header.length) and \(header.byteCount)")
            }
            for byte in bytes[header.length...] { sum &+= UInt64(byte) }
            return true
        }
    }

    func end() {}
}
