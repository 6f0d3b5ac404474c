/// A point on the host's monotonic clock, in microseconds; events carry it, the machine reads no clock.
public struct Moment: Hashable, Comparable, Sendable {
    public var microseconds: UInt64
    public init(microseconds: UInt64) { self.microseconds = microseconds }
    public static func < (left: Moment, right: Moment) -> Bool { left.microseconds < right.microseconds }
    public func advanced(byMicroseconds delta: UInt64) -> Moment { Moment(microseconds: microseconds + delta) }
    public func microseconds(since earlier: Moment) -> UInt64 {
        microseconds > earlier.microseconds ? microseconds - earlier.microseconds : 0
    }
    /// Whole milliseconds from `now`, rounded up so that a wait does not end before its time.
    func milliseconds(after now: Moment) -> Int { Int((microseconds(since: now) + 999) / 1_000) }
}
