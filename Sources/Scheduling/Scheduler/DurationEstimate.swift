/// How long tasks of a class take: a moving average that forgets by a quarter with each task.
struct DurationEstimate: Hashable, Sendable {
    /// Longer measurements count as this: about twelve days.
    static let longest: UInt64 = 1 << 40
    /// Shorter ones count as this, which stands for the cost of handing a task over.
    static let shortest: UInt64 = 20

    /// Nil until a task has been measured: then it is taken for long.
    private(set) var microseconds: UInt64?

    mutating func record(_ measured: UInt64) {
        let measured = min(max(measured, Self.shortest), Self.longest)
        microseconds = microseconds.map { ($0 * 3 + measured) / 4 } ?? measured
    }

    /// Grows with the estimate by powers of two, so that noise does not change the order of tasks; what is not known
    /// comes first, because it may be long and because it is worth knowing.
    var magnitude: Int { microseconds.map { UInt64.bitWidth - $0.leadingZeroBitCount } ?? UInt64.bitWidth + 1 }
}
