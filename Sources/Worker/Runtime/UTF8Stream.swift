/// Makes text of bytes that come in pieces: a character that is cut waits for its other half.
struct UTF8Stream {
    private var rest: [UInt8] = []

    mutating func decode(_ bytes: some Collection<UInt8>) -> String {
        var all = rest
        all.append(contentsOf: bytes)
        let kept = all.count - Self.cutBytes(all)
        rest = Array(all[kept...])
        return String(decoding: all[..<kept], as: UTF8.self)
    }

    /// Bytes at the end that begin a character and do not finish it.
    private static func cutBytes(_ bytes: [UInt8]) -> Int {
        for length in 1...3 where length <= bytes.count {
            let byte = bytes[bytes.count - length]
            if byte & 0b1100_0000 == 0b1000_0000 { continue }
            let whole = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return whole > length ? length : 0
        }
        return 0
    }
}
