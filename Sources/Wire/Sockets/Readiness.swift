import CZeroMQ

public struct Readiness: OptionSet, Sendable, Hashable {
    public let rawValue: Int16
    public init(rawValue: Int16) { self.rawValue = rawValue }

    public static let readable = Readiness(rawValue: Int16(ZMQ_POLLIN))
    public static let writable = Readiness(rawValue: Int16(ZMQ_POLLOUT))
    /// An end of file or an error of a descriptor; comes without being asked for.
    public static let failed = Readiness(rawValue: Int16(ZMQ_POLLERR))
}
