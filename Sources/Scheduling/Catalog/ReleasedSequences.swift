/// Which of a writer's objects have been released, by their sequence numbers: as ranges, because a writer counts up and its
/// objects mostly go in that order. Where they do not, the lowest ranges are forgotten, so that memory stays bounded.
struct ReleasedSequences: Hashable, Sendable {
    static let mostRanges = 1024

    /// Ascending, neither overlapping nor touching.
    private(set) var ranges: [ClosedRange<UInt64>] = []

    func contains(_ sequence: UInt64) -> Bool {
        let next = index(above: sequence)
        return next > 0 && ranges[next - 1].contains(sequence)
    }

    mutating func insert(_ sequence: UInt64) {
        let next = index(above: sequence)
        if next > 0, ranges[next - 1].contains(sequence) { return }
        let touchesLower = next > 0 && ranges[next - 1].upperBound + 1 == sequence
        let touchesUpper = next < ranges.count && ranges[next].lowerBound - 1 == sequence
        switch (touchesLower, touchesUpper) {
        case (true, true):
            ranges[next - 1] = ranges[next - 1].lowerBound...ranges[next].upperBound
            ranges.remove(at: next)
        case (true, false): ranges[next - 1] = ranges[next - 1].lowerBound...sequence
        case (false, true): ranges[next] = sequence...ranges[next].upperBound
        case (false, false):
            ranges.insert(sequence...sequence, at: next)
            if ranges.count > Self.mostRanges { ranges.removeFirst() }
        }
    }

    /// The place of the first range that begins above `sequence`.
    private func index(above sequence: UInt64) -> Int {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].lowerBound > sequence { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
