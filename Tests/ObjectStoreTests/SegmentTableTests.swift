import Testing

@testable import ObjectStore

@Suite struct SegmentTableTests {
    private let mebibyte = 1 << 20

    /// Places an object, adding what the table asks for.
    private func place(_ length: Int, in table: inout SegmentTable) -> (segment: UInt32, offset: Int)? {
        if case .nothing(let wanted) = table.place(length) {
            table.add(table.nextNumber(), size: wanted.size, isArena: wanted.isArena)
        } else {
            Issue.record("a region was free")
        }
        guard case .region(let segment, let offset) = table.place(length) else { return nil }
        return (segment, offset)
    }

    @Test func arenasDoubleUpToTheLargest() {
        var table = SegmentTable(budget: 0)
        var sizes: [Int] = []
        for _ in 0..<400 {
            if case .nothing(let wanted) = table.place(mebibyte) {
                #expect(wanted.isArena && wanted.least == mebibyte)
                sizes.append(wanted.size / mebibyte)
                table.add(table.nextNumber(), size: wanted.size, isArena: true)
            }
        }
        #expect(sizes.prefix(7) == [4, 8, 16, 32, 64, 64, 64])
    }

    /// What is free in an arena is lost to the other writers.
    @Test(arguments: [
        (50, [1, 1, 1]), (256, [4, 4, 4]), (1000, [4, 8, 8]), (1024, [4, 8, 16]), (8192, [4, 8, 16]),
    ])
    func arenasAreASmallShareOfTheBudget(budget: Int, expected: [Int]) {
        var table = SegmentTable(budget: budget << 20)
        var sizes: [Int] = []
        while sizes.count < 3 {
            if case .nothing(let wanted) = table.place(mebibyte / 4) {
                sizes.append(wanted.size / mebibyte)
                table.add(table.nextNumber(), size: wanted.size, isArena: wanted.isArena)
            }
        }
        #expect(sizes == expected)
        let alone = table.place(table.ownSegment)
        #expect(alone == .nothing(.init(size: table.ownSegment, least: table.ownSegment, isArena: false)))
    }

    @Test func anArenaIsLargeEnoughForWhatItIsMadeFor() {
        var table = SegmentTable(budget: 0)
        let place = table.place(20 * mebibyte)
        #expect(place == .nothing(.init(size: 32 << 20, least: 20 << 20, isArena: true)))
    }

    @Test func aLargeObjectHasASegmentThatIsRecycledBySize() throws {
        var table = SegmentTable(budget: 0)
        let first = try #require(place(100 * mebibyte, in: &table))
        #expect(first == (1, 0))
        #expect(table.totalBytes >= 100 << 20 && table.totalBytes <= 113 << 20)
        let whileInUse = table.place(100 << 20)
        #expect(whileInUse.needsSegment)
        let isDue = table.release(segment: 1, offset: 0)
        let removed = table.removeIdle(writers: 1)
        #expect(isDue && removed == [])
        // Too small for one, too large for another, right for a third.
        let places = [120, 40, 90].map { table.place($0 * mebibyte) }
        #expect(places.map(\.needsSegment) == [true, true, false])
        #expect(places.last == .region(segment: 1, offset: 0))
    }

    @Test func whatStandsIdleShrinksBack() throws {
        var table = SegmentTable(budget: 0)
        let places = try (0..<10).map { _ in try #require(place(40 * mebibyte, in: &table)) }
        let removed = places.flatMap { place in
            table.release(segment: place.segment, offset: place.offset) ? table.removeIdle(writers: 3) : []
        }
        #expect(!removed.isEmpty)
        #expect(table.totalBytes <= SegmentTable.keptIdle)
        let rest = table.removeIdle(keeping: 0)
        #expect(rest.count + removed.count == 10)
        #expect(table.totalBytes == 0)
    }

    @Test func aSmallBudgetKeepsLittle() throws {
        var table = SegmentTable(budget: 100 << 20)
        let place = try #require(place(40 * mebibyte, in: &table))
        let isDue = table.release(segment: place.segment, offset: place.offset)
        let removed = table.removeIdle(writers: 1)
        #expect(isDue && removed == [1])
    }

    @Test func writersShareWhatMayStandIdle() throws {
        var table = SegmentTable(budget: 400 << 20)
        let place = try #require(place(40 * mebibyte, in: &table))
        let isDue = table.release(segment: place.segment, offset: place.offset)
        let removed = [2, 3].map { table.removeIdle(writers: $0) }
        #expect(isDue && removed == [[], [1]])
    }

    @Test func unknownRegionsArePassedOver() throws {
        var table = SegmentTable(budget: 0)
        let place = try #require(place(mebibyte, in: &table))
        let isDue = [table.release(segment: 9, offset: 0), table.release(segment: place.segment, offset: 64)]
        #expect(isDue == [false, false])
        let next = table.place(mebibyte)
        #expect(next == .region(segment: 1, offset: mebibyte))
    }
}

extension SegmentTable.Place {
    fileprivate var needsSegment: Bool {
        if case .nothing = self { true } else { false }
    }
}
