import Testing

@testable import ObjectStore

@Suite struct RegionAllocatorTests {
    /// Against a naive model that knows the owner of each 64 bytes.
    @Test(arguments: 0..<60 as Range<UInt64>)
    func regionsNeverOverlapAndAreFoundAgain(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let blocks = 128
        var allocator = RegionAllocator(size: blocks * 64)
        var isFree = [Bool](repeating: true, count: blocks)
        var live: [(offset: Int, blocks: Int)] = []
        for _ in 0..<300 {
            if live.isEmpty || Int.random(in: 0..<10, using: &generator) < 6 {
                let length = Int.random(in: 0...1500, using: &generator)
                let wanted = max(1, (length + 63) / 64)
                guard let offset = allocator.allocate(length) else {
                    #expect(!isFree.split(separator: false).contains { $0.count >= wanted })
                    continue
                }
                #expect(offset % 64 == 0)
                let place = offset / 64..<offset / 64 + wanted
                #expect(isFree[place].allSatisfy { $0 })
                for block in place { isFree[block] = false }
                live.append((offset, wanted))
            } else {
                let gone = live.remove(at: Int.random(in: 0..<live.count, using: &generator))
                let isReleased = [allocator.release(gone.offset), allocator.release(gone.offset)]
                #expect(isReleased == [true, false])
                for block in gone.offset / 64..<gone.offset / 64 + gone.blocks { isFree[block] = true }
            }
            #expect(allocator.inconsistency() == nil)
            #expect(allocator.usedBytes == isFree.count { !$0 } * 64)
        }
        for region in live { allocator.release(region.offset) }
        #expect(allocator.isEmpty && allocator.largestFree == blocks * 64)
    }

    @Test func theBestFitLeavesTheLargeRegionWhole() throws {
        var allocator = RegionAllocator(size: 6400)
        let offsets = (0..<10).compactMap { _ in allocator.allocate(640) }
        for index in [2, 5, 6] { allocator.release(offsets[index]) }
        let offset = allocator.allocate(640)
        #expect(offset == offsets[2])
        #expect(allocator.largestFree == 1280)
    }

    @Test func lengthsThatOverflowAreRefused() {
        var allocator = RegionAllocator(size: 640)
        let offset = allocator.allocate(.max)
        #expect(offset == nil)
        #expect(RegionAllocator.aligned(.max) == nil)
        #expect(RegionAllocator.aligned(0) == 64)
    }
}
