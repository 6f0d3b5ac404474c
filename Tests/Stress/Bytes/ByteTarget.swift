/// What stands behind a socket: it decodes messages and acts on them, beside honest work.
protocol ByteTarget {
    /// A message that makes sense now, to be damaged.
    mutating func original(using random: inout SplitMix64) -> [UInt8]
    /// Takes a damaged message. True when it could be read.
    /// - Throws: what is wrong inside because of it.
    mutating func take(_ message: [UInt8]) throws -> Bool
    /// Whoever sent all this goes.
    /// - Throws: when something of it is left, or honest work did not come out right.
    mutating func end() throws
}

/// Bytes had an effect that they must not have.
struct ByteFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
