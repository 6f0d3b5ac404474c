/// Which parts of a segment are in use: best fit, 64-byte aligned; neighbours that become free are joined.
struct RegionAllocator: Hashable, Sendable {
    /// Alignment of every object, in bytes.
    static let alignment = 64

    /// `length` rounded up to a multiple of 64; at least 64. Nil when that overflows.
    static func aligned(_ length: Int) -> Int? {
        let (sum, overflow) = max(length, 1).addingReportingOverflow(alignment - 1)
        return overflow ? nil : sum & ~(alignment - 1)
    }

    private struct FreeRegion: Hashable, Comparable {
        var length: Int
        var offset: Int

        static func < (left: Self, right: Self) -> Bool {
            (left.length, left.offset) < (right.length, right.offset)
        }
    }

    /// Bytes.
    let size: Int
    private(set) var usedBytes = 0
    private var used: [Int: Int] = [:]
    private var freeLengthAt: [Int: Int]
    private var freeStartBefore: [Int: Int]
    /// Sorted.
    private var freeByLength: [FreeRegion]

    /// - Parameter size: bytes, a positive multiple of 64.
    init(size: Int) {
        precondition(size > 0 && size % Self.alignment == 0)
        self.size = size
        freeLengthAt = [0: size]
        freeStartBefore = [size: 0]
        freeByLength = [FreeRegion(length: size, offset: 0)]
    }

    var isEmpty: Bool { used.isEmpty }

    /// Bytes of the largest region that could be allocated now.
    var largestFree: Int { freeByLength.last?.length ?? 0 }

    /// The offset of a region of at least `length` bytes, or nil when no free one is large enough.
    mutating func allocate(_ length: Int) -> Int? {
        guard let wanted = Self.aligned(length) else { return nil }
        let place = firstIndex(notBefore: FreeRegion(length: wanted, offset: 0))
        guard place < freeByLength.count else { return nil }
        let found = freeByLength[place]
        removeFree(found)
        if found.length > wanted {
            addFree(FreeRegion(length: found.length - wanted, offset: found.offset + wanted))
        }
        used[found.offset] = wanted
        usedBytes += wanted
        return found.offset
    }

    /// Gives back the region at `offset`. False when no region in use starts there.
    @discardableResult
    mutating func release(_ offset: Int) -> Bool {
        guard let released = used.removeValue(forKey: offset) else { return false }
        usedBytes -= released
        var region = FreeRegion(length: released, offset: offset)
        if let before = freeStartBefore[offset] {
            removeFree(FreeRegion(length: offset - before, offset: before))
            region = FreeRegion(length: region.length + offset - before, offset: before)
        }
        if let after = freeLengthAt[region.offset + region.length] {
            removeFree(FreeRegion(length: after, offset: region.offset + region.length))
            region.length += after
        }
        addFree(region)
        return true
    }

    /// What is wrong, or nil: used and free regions cover the segment exactly and no two free ones touch.
    func inconsistency() -> String? {
        var position = 0
        var wasFree = false
        let regions = used.map { ($0.key, $0.value, false) } + freeLengthAt.map { ($0.key, $0.value, true) }
        for (offset, length, isFree) in regions.sorted(by: { $0.0 < $1.0 }) {
            if offset != position { return "a gap or an overlap at \(position)" }
            if length <= 0 || length % Self.alignment != 0 { return "a region of \(length) bytes at \(offset)" }
            if isFree && wasFree { return "free regions touch at \(offset)" }
            position += length
            wasFree = isFree
        }
        if position != size { return "the regions end at \(position) of \(size)" }
        if usedBytes != used.values.reduce(0, +) { return "\(usedBytes) used bytes are not those of the regions" }
        if freeByLength != freeLengthAt.map({ FreeRegion(length: $0.value, offset: $0.key) }).sorted() {
            return "the index by length is not that by offset"
        }
        return nil
    }

    private func firstIndex(notBefore region: FreeRegion) -> Int {
        var low = 0
        var high = freeByLength.count
        while low < high {
            let middle = (low + high) / 2
            if freeByLength[middle] < region { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func addFree(_ region: FreeRegion) {
        freeLengthAt[region.offset] = region.length
        freeStartBefore[region.offset + region.length] = region.offset
        freeByLength.insert(region, at: firstIndex(notBefore: region))
    }

    private mutating func removeFree(_ region: FreeRegion) {
        freeLengthAt[region.offset] = nil
        freeStartBefore[region.offset + region.length] = nil
        freeByLength.remove(at: firstIndex(notBefore: region))
    }
}
