import CZeroMQ

/// A CURVE key pair: who a process is to its peers.
public struct KeyPair: Sendable {
    public let publicKey: PublicKey
    let secretKey: SecretKey

    init(publicKey: PublicKey, secretKey: SecretKey) {
        self.publicKey = publicKey
        self.secretKey = secretKey
    }

    /// A new pair of libzmq's, from the system's source of randomness.
    ///
    /// - Throws: `WireError` when this libzmq is built without CURVE.
    public static func generate() throws(WireError) -> KeyPair {
        var texts = (
            [CChar](repeating: 0, count: CurveKey.characterCount + 1),
            [CChar](repeating: 0, count: CurveKey.characterCount + 1)
        )
        guard zmq_curve_keypair(&texts.0, &texts.1) == 0 else { throw .zmq("zmq_curve_keypair") }
        let z85 = { (text: [CChar]) in
            String(decoding: text.prefix(CurveKey.characterCount).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        guard let publicKey = PublicKey(z85: z85(texts.0)), let secretKey = SecretKey(z85: z85(texts.1)) else {
            throw .system(operation: "zmq_curve_keypair", reason: "it made no key")
        }
        return KeyPair(publicKey: publicKey, secretKey: secretKey)
    }

    /// Whether the public key is the secret one's: two halves of different pairs fit nobody.
    var isSound: Bool {
        var derived = [CChar](repeating: 0, count: CurveKey.characterCount + 1)
        guard zmq_curve_public(&derived, secretKey.z85) == 0 else { return false }
        return derived.prefix(CurveKey.characterCount).map { UInt8(bitPattern: $0) } == Array(publicKey.z85.utf8)
    }
}
