/// A point on the host's monotonic clock, in microseconds. Time comes with the event; nothing here reads a clock.
public struct Instant: Hashable, Comparable, Sendable {
    public var microseconds: UInt64
    public init(microseconds: UInt64) { self.microseconds = microseconds }
    public static func < (left: Instant, right: Instant) -> Bool { left.microseconds < right.microseconds }
    public func advanced(by microseconds: UInt64) -> Instant { Instant(microseconds: self.microseconds + microseconds) }
    /// Microseconds since `earlier`, 0 when that is later.
    public func since(_ earlier: Instant) -> UInt64 {
        microseconds > earlier.microseconds ? microseconds - earlier.microseconds : 0
    }
    /// The earlier one, of those that are to come.
    public static func first(_ one: Instant?, _ other: Instant?) -> Instant? {
        guard let one, let other else { return one ?? other }
        return min(one, other)
    }
}
