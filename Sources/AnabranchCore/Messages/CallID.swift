/// One call of a session, numbered by the client. Never 0.
public struct CallID: NumericIdentifier {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}
