import CZeroMQ

/// 32 bytes of a CURVE key, public or secret, and Z85: the 40 printable characters that stand for them in files.
enum CurveKey {
    static let byteCount = 32
    static let characterCount = 40

    /// Nil when the text is not 40 characters of Z85.
    static func bytes(fromZ85 text: String) -> [UInt8]? {
        guard text.utf8.count == characterCount else { return nil }
        var bytes = [UInt8](repeating: 0, count: byteCount)
        guard zmq_z85_decode(&bytes, text) != nil else { return nil }
        // libzmq takes characters outside the alphabet for others: what is written back the same was sound.
        return z85(bytes) == text ? bytes : nil
    }

    static func z85(_ bytes: [UInt8]) -> String {
        var text = [CChar](repeating: 0, count: characterCount + 1)
        zmq_z85_encode(&text, bytes, bytes.count)
        return String(decoding: text.prefix(characterCount).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// The half of a key pair that others may know.
public struct PublicKey: Hashable, Sendable {
    public let bytes: [UInt8]

    /// Nil when there are not 32 bytes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == CurveKey.byteCount else { return nil }
        self.bytes = bytes
    }

    /// Nil when the text is not 40 characters of Z85.
    public init?(z85 text: String) {
        guard let bytes = CurveKey.bytes(fromZ85: text) else { return nil }
        self.bytes = bytes
    }

    public var z85: String { CurveKey.z85(bytes) }
}
