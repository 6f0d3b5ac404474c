/// How long something took, counted in buckets. Recording costs a handful of comparisons, whatever was recorded before.
public struct Histogram: Hashable, Sendable {
    /// Upper bounds of the buckets in microseconds, ascending; one more bucket takes what is longer.
    public let bounds: [UInt64]
    /// By bucket, each counted in its own only.
    public private(set) var counts: [UInt64]
    public private(set) var sumMicroseconds: UInt64 = 0

    public init(bounds: [UInt64]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    public var count: UInt64 { counts.reduce(0, +) }

    public mutating func record(microseconds: UInt64) {
        counts[bounds.firstIndex { microseconds <= $0 } ?? bounds.count] += 1
        sumMicroseconds &+= microseconds
    }
}
