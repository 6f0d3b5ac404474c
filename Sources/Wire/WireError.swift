import AnabranchCore

/// What can go wrong between this process and a peer. A receiver counts the first four and drops the message; they
/// never end a process.
public enum WireError: Error, Hashable, Sendable {
    /// Not a message of this type at all: truncated, or another encoding.
    case undecodable(message: String, bytes: Int)
    /// Larger than the limit of the socket that it is meant for.
    case oversized(message: String, bytes: Int, limit: Int)
    /// The peer speaks another version of the protocol.
    case version(found: UInt32)
    /// A field has a value that no sound peer sends.
    case invalid(field: String, reason: String)
    /// A call of libzmq failed; `reason` is its text for the error number.
    case zmq(operation: String, reason: String, endpoint: String)
    /// A call of the system failed; `reason` is its text for the error number.
    case system(operation: String, reason: String)
}

extension WireError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .undecodable(let message, let bytes):
            "\(bytes) bytes are not a \(message)"
        case .oversized(let message, let bytes, let limit):
            "a \(message) of \(bytes) bytes is over the limit of a message, \(limit) bytes (fixed)"
        case .version(let found):
            "the peer speaks protocol \(found), this process speaks \(ProtocolVersion.current); "
                + "install the same version of anabranch on both sides"
        case .invalid(let field, let reason):
            "\(field) \(reason)"
        case .zmq(let operation, let reason, let endpoint):
            endpoint.isEmpty ? "\(operation): \(reason)" : "\(operation) \(endpoint): \(reason)"
        case .system(let operation, let reason):
            "\(operation): \(reason)"
        }
    }
}
