import AnabranchCore

/// What stands in the store for an object whose bytes another program keeps; `docs/store.md` has the layout.
struct StandIn: Hashable, Sendable {
    /// Of the object's bytes.
    let encoding: Encoding
    let length: Int
    /// Its name where it is kept.
    let token: String
    /// Path of the socket at which the bytes are asked for, and the host where that is.
    let address: String
    let host: String

    /// Why the bytes do not come.
    struct Refusal: Error {
        let reason: String
    }

    /// No stand-in is longer.
    static let longest = 2048

    /// Nil when the bytes are no stand-in.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= Self.longest else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 7, lines[0] == "ABELSEWHERE", lines[6].isEmpty,
            let encoding = UInt8(lines[1]).flatMap(Encoding.init), encoding != .elsewhere,
            let length = Int(lines[2]), length > 0, !lines[3].isEmpty
        else { return nil }
        self.encoding = encoding
        self.length = length
        token = String(lines[3])
        address = String(lines[4])
        host = String(lines[5])
    }
}
