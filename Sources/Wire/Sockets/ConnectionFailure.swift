import AnabranchCore

/// Why a coordinator could not be asked.
public enum ConnectionFailure: Error, CustomStringConvertible {
    /// No answer within the time, the flag that sets it (or `fixed`), and what stood in the way as far as it was seen.
    case noAnswer(address: String, seconds: Double, limit: String = fixed, HandshakeFailure?, hasKeys: Bool)
    /// What answered speaks another version of the protocol.
    case otherProtocol(address: String, found: UInt32)
    /// It answered with an error.
    case refused(address: String, ControlError)

    public var description: String {
        switch self {
        case .noAnswer(let address, _, _, let failure?, let hasKeys) where failure.isFinal:
            "no connection to \(address): \(failure.explanation(hasKeys: hasKeys))"
        case .noAnswer(let address, let seconds, let limit, let failure, let hasKeys):
            "no coordinator answered at \(address) within \(Self.written(seconds)) s (\(limit)): "
                + (failure?.explanation(hasKeys: hasKeys)
                    ?? "nothing came back: is a coordinator running there, and is the address right?")
        case .otherProtocol(let address, let found):
            "the coordinator at \(address): \(WireError.version(found: found))"
        case .refused(let address, let error): "the coordinator at \(address) refuses: \(error.message)"
        }
    }

    /// Of a time that no flag sets.
    public static let fixed = "fixed"

    private static func written(_ seconds: Double) -> String {
        seconds == seconds.rounded() ? String(Int(seconds)) : String(seconds)
    }
}
