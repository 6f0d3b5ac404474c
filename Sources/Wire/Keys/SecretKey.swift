/// The half of a key pair that its owner alone knows. Neither printed nor logged: only a key file has its characters.
public struct SecretKey: Sendable {
    let bytes: [UInt8]

    /// Nil when the text is not 40 characters of Z85.
    init?(z85 text: String) {
        guard let bytes = CurveKey.bytes(fromZ85: text) else { return nil }
        self.bytes = bytes
    }

    var z85: String { CurveKey.z85(bytes) }
}

extension SecretKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "(secret)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
