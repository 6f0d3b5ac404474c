/// The number that stands in every top-level message.
public enum ProtocolVersion {
    public static let current: UInt32 = 1
}

/// Largest messages that a receiver takes, in bytes.
public enum MessageLimit {
    /// Both directions of the control socket.
    public static let control = 256 << 20
    /// Lanes, the inbox, events, and the runtime's frames.
    public static let data = 64 << 20
}
