/// Which segments a writer has, and where the next object goes. Decides; `SegmentWriter` creates and removes the files.
struct SegmentTable: Sendable {
    /// Bytes of arenas where the budget does not ask for smaller ones.
    static let smallestArena = 4 << 20
    static let largestArena = 64 << 20
    /// An arena is at most this share of the budget, or a mebibyte if that is more: what is free in one is lost to others.
    private static let arenaShare = 64
    /// Empty segments that are kept for the next objects, unless recent objects were larger.
    static let keptIdle = 256 << 20
    /// All writers together keep at most this share of the budget idle: what one keeps, another cannot have.
    private static let idleShare = 4
    /// So much, or this share of the budget, is never worth counting the writers for.
    private static let smallIdle = 16 << 20
    private static let smallIdleShare = 64
    private static let recentCount = 32

    /// Where an object may go.
    enum Place: Hashable, Sendable {
        case region(segment: UInt32, offset: Int)
        /// Nothing fits: a segment must be added first.
        case nothing(NewSegment)
    }

    /// A segment that is wanted.
    struct NewSegment: Hashable, Sendable {
        var size: Int
        /// The smallest that takes the object, where `size` is more than there is room for.
        var least: Int
        var isArena: Bool
    }

    private struct Segment {
        let number: UInt32
        let isArena: Bool
        var regions: RegionAllocator
    }

    /// In order of creation, so that objects gather in the oldest.
    private var segments: [Segment] = []
    private var lastNumber: UInt32 = 0
    private var nextArena: Int
    private let largestArena: Int
    /// Lengths of the last objects that had a segment of their own.
    private var recent: [Int] = []
    private let budget: Int

    /// - Parameter budget: bytes of the whole store; 0: none.
    init(budget: Int) {
        self.budget = budget
        var largest = Self.largestArena
        while budget > 0 && largest > max(1 << 20, budget / Self.arenaShare) { largest /= 2 }
        largestArena = largest
        nextArena = min(Self.smallestArena, largest)
    }

    /// From so many bytes on an object has a segment of its own.
    var ownSegment: Int { largestArena / 2 }

    /// Sizes of all segments together.
    var totalBytes: Int { segments.reduce(0) { $0 + $1.regions.size } }

    /// Takes a region of `length` bytes, which the caller has checked with `RegionAllocator.aligned`.
    mutating func place(_ length: Int) -> Place {
        length >= ownSegment ? placeAlone(length) : placeInArena(length)
    }

    /// The number of the segment that is created next.
    mutating func nextNumber() -> UInt32 {
        lastNumber += 1
        return lastNumber
    }

    mutating func add(_ number: UInt32, size: Int, isArena: Bool) {
        segments.append(Segment(number: number, isArena: isArena, regions: RegionAllocator(size: size)))
        if isArena { nextArena = min(largestArena, max(nextArena, size * 2)) }
    }

    /// The segment's file is gone: nothing further goes there.
    mutating func forget(_ number: UInt32) { segments.removeAll { $0.number == number } }

    /// Gives a region back.
    ///
    /// - Returns: whether so much stands idle now that `removeIdle(writers:)` is due.
    mutating func release(segment number: UInt32, offset: Int) -> Bool {
        guard let index = segments.firstIndex(where: { $0.number == number }) else { return false }
        segments[index].regions.release(offset)
        guard segments[index].regions.isEmpty else { return false }
        return idleBytes > (budget > 0 ? min(Self.smallIdle, budget / Self.smallIdleShare) : Self.smallIdle)
    }

    /// Forgets the empty segments that one of so many writers may not keep; the caller removes their files.
    mutating func removeIdle(writers: Int) -> [UInt32] {
        let largest = recent.max() ?? 0
        let kept = max(Self.keptIdle, largest + largest / 8)
        return removeIdle(keeping: budget > 0 ? min(kept, budget / Self.idleShare / max(1, writers)) : kept)
    }

    /// Forgets empty segments until those left have at most `kept` bytes; the caller removes their files.
    mutating func removeIdle(keeping kept: Int) -> [UInt32] {
        var excess = idleBytes - kept
        var removed: [UInt32] = []
        for segment in segments where segment.regions.isEmpty && excess > 0 {
            excess -= segment.regions.size
            removed.append(segment.number)
        }
        segments.removeAll { removed.contains($0.number) }
        return removed
    }

    private mutating func placeInArena(_ length: Int) -> Place {
        for index in segments.indices where segments[index].isArena && segments[index].regions.largestFree >= length {
            if let offset = segments[index].regions.allocate(length) {
                return .region(segment: segments[index].number, offset: offset)
            }
        }
        var size = nextArena
        while size < length { size *= 2 }
        return .nothing(NewSegment(size: size, least: Self.pages(length), isArena: true))
    }

    private mutating func placeAlone(_ length: Int) -> Place {
        let fitting = segments.indices.filter {
            let segment = segments[$0]
            return !segment.isArena && segment.regions.isEmpty && segment.regions.size >= length
                && segment.regions.size / 2 <= length
        }
        guard let index = fitting.min(by: { segments[$0].regions.size < segments[$1].regions.size }) else {
            // Rounded up to an eighth, so that sizes which vary a little recycle the same segments.
            let step = 1 << (Int.bitWidth - length.leadingZeroBitCount - 4)
            let (sum, overflow) = length.addingReportingOverflow(step - 1)
            let least = Self.pages(length)
            return .nothing(
                NewSegment(size: overflow ? least : max(least, sum & ~(step - 1)), least: least, isArena: false))
        }
        recent = recent.suffix(Self.recentCount - 1) + [length]
        // All of it: what is left over is no arena.
        _ = segments[index].regions.allocate(segments[index].regions.size)
        return .region(segment: segments[index].number, offset: 0)
    }

    private var idleBytes: Int { segments.reduce(0) { $0 + ($1.regions.isEmpty ? $1.regions.size : 0) } }

    private static func pages(_ length: Int) -> Int {
        let (sum, overflow) = length.addingReportingOverflow(4095)
        return overflow ? length : sum & ~4095
    }
}
