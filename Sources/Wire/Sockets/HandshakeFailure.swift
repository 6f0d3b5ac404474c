/// Why a connection does not come about, as far as the one that tries can see.
public enum HandshakeFailure: Hashable, Sendable {
    /// Nobody listens there, or the way there is closed.
    case unreachable
    /// One side has keys and the other has not.
    case mechanism
    /// The server does not let this key in.
    case keyRefused
    /// The peer hung up in the middle: another key than the one expected, or no ZeroMQ at all.
    case cutOff

    /// What stands in an error beside the address.
    /// - Parameter hasKeys: This side came with keys.
    public func explanation(hasKeys: Bool) -> String {
        switch self {
        case .unreachable: "nobody listens there: is it running, and is the address right?"
        case .mechanism where hasKeys:
            "it has no keys and this process has: start it with --key, or leave --key (ANABRANCH_KEY) away here"
        case .mechanism: "it wants a key: name yours with --key FILE (ANABRANCH_KEY); `anabranch keygen` makes one"
        case .keyRefused:
            "it does not let this key in: put the public key into its directory of allowed keys (--allowed)"
        case .cutOff where hasKeys:
            "it hangs up in the handshake: its key is not the one in --server-key (ANABRANCH_SERVER_KEY), it has none, "
                + "or it is no coordinator"
        case .cutOff:
            "it hangs up in the handshake: it wants a key (--key FILE, ANABRANCH_KEY), or it is no coordinator"
        }
    }

    /// It will be the same however often it is tried.
    public var isFinal: Bool { self == .mechanism || self == .keyRefused }
}
