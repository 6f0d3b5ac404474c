import AnabranchCore
import Testing

@testable import Scheduling

@Suite struct CatalogTests {
    private let worker = WorkerID(1)
    private let client = ClientID(1)
    private let writer = WriterID(0xA)

    private func reference(_ sequence: UInt64, writer: WriterID? = nil, segment: UInt32 = 1) -> ObjectRef {
        ObjectRef(
            id: ObjectID(writer: writer ?? self.writer, sequence: sequence), encoding: .tensor, length: 100,
            location: .segment(segment, offset: sequence * 128))
    }

    private func opened() -> ObjectCatalog {
        var catalog = ObjectCatalog()
        catalog.writerOpened(writer, owner: .worker(worker))
        return catalog
    }

    @Test func ofWritersThatAreGoneTheLatestAreKnown() {
        var catalog = ObjectCatalog()
        let count = UInt64(GoneWriters.most + 10)
        for id in 1...count {
            catalog.writerOpened(WriterID(id), owner: .worker(worker))
            catalog.writerClosed(WriterID(id))
        }
        #expect(catalog.gone.count == GoneWriters.most && catalog.writers.isEmpty)
        #expect(catalog.hasEnded(WriterID(count)) && catalog.hasEnded(WriterID(11)) && !catalog.hasEnded(WriterID(10)))
    }

    @Test func lastUserReleasesOnce() throws {
        var catalog = opened()
        let object = reference(1)
        catalog.use(object)
        catalog.use(object)
        catalog.hold(object, by: client)
        #expect(catalog.totalBytes == 100)
        catalog.endUse(object)
        catalog.endUse(object)
        try catalog.validate()
        #expect(catalog.takeEffects().isEmpty)
        let released = catalog.release(object.id, by: client)
        #expect(released)
        #expect(catalog.takeEffects() == [.release(object.id, owner: .worker(worker))])
        #expect(catalog.count == 0 && catalog.totalBytes == 0)
        try catalog.validate()
    }

    @Test func everyMentionIsAHolding() throws {
        var catalog = opened()
        let object = reference(1)
        catalog.hold(object, by: client)
        catalog.hold(object, by: client)
        catalog.release(object.id, by: client)
        #expect(catalog.contains(object.id))
        catalog.release(object.id, by: client)
        #expect(!catalog.contains(object.id))
        let again = catalog.release(object.id, by: client)
        #expect(!again)
        #expect(catalog.takeEffects().count == 1)
    }

    @Test func anEndedClientHoldsNothing() throws {
        var catalog = opened()
        let shared = reference(1)
        let own = reference(2)
        for _ in 0..<3 { catalog.hold(own, by: client) }
        catalog.hold(shared, by: client)
        catalog.hold(shared, by: ClientID(2))
        catalog.clientLeft(client)
        try catalog.validate()
        #expect(catalog.takeEffects() == [.release(own.id, owner: .worker(worker))])
        #expect(catalog.holdings(of: ClientID(2)) == 1)
    }

    @Test func aClientThatLeftHoldsUntilItsProcessHasEnded() throws {
        var catalog = opened()
        let own = WriterID(0xC)
        catalog.writerOpened(own, owner: .client(client))
        let object = reference(1)
        catalog.hold(object, by: client)
        catalog.clientLeft(client)
        try catalog.validate()
        // Its program may still read what it was given.
        #expect(catalog.contains(object.id) && catalog.takeEffects().isEmpty)
        catalog.writerClosed(own)
        try catalog.validate()
        #expect(
            catalog.takeEffects() == [
                .release(object.id, owner: .worker(worker)), .removeSegments(own, keeping: []),
            ])
        #expect(catalog.count == 0)
    }

    @Test func aReportedViewKeepsTheRegion() throws {
        var catalog = opened()
        let object = reference(1)
        catalog.use(object)
        catalog.viewsHeld([object.id], by: writer)
        catalog.viewsHeld([object.id], by: writer)
        catalog.endUse(object)
        try catalog.validate()
        #expect(catalog.takeEffects().isEmpty)
        catalog.viewsEnded([object.id], by: writer)
        #expect(catalog.takeEffects() == [.release(object.id, owner: .worker(worker))])
    }

    @Test func aLaterReportReplacesTheOneBefore() throws {
        var catalog = opened()
        let first = reference(1)
        let second = reference(2)
        catalog.use(first)
        catalog.use(second)
        catalog.viewsHeld([first.id], by: writer)
        catalog.viewsHeld([second.id], by: writer)
        try catalog.validate()
        catalog.endUse(first)
        catalog.endUse(second)
        #expect(catalog.takeEffects() == [.release(first.id, owner: .worker(worker))])
        catalog.viewsHeld([], by: writer)
        #expect(catalog.takeEffects() == [.release(second.id, owner: .worker(worker))])
        try catalog.validate()
    }

    @Test func aClosedHolderHasNoViews() throws {
        var catalog = opened()
        let holder = WriterID(0xB)
        catalog.writerOpened(holder, owner: .worker(worker))
        let object = reference(1)
        catalog.use(object)
        catalog.viewsHeld([object.id], by: holder)
        catalog.endUse(object)
        catalog.writerClosed(holder)
        #expect(
            catalog.takeEffects() == [
                .release(object.id, owner: .worker(worker)), .removeSegments(holder, keeping: []),
            ])
        catalog.viewsHeld([object.id], by: holder)
        try catalog.validate()
        #expect(catalog.count == 0)
    }

    @Test func aDeadWritersSegmentsGoOneByOne() throws {
        var catalog = opened()
        let first = reference(1, segment: 1)
        let second = reference(2, segment: 3)
        catalog.use(first)
        catalog.use(second)
        catalog.writerClosed(writer)
        #expect(catalog.takeEffects() == [.removeSegments(writer, keeping: [1, 3])])
        catalog.endUse(first)
        #expect(catalog.takeEffects() == [.removeSegments(writer, keeping: [3])])
        catalog.endUse(second)
        #expect(catalog.takeEffects() == [.removeSegments(writer, keeping: [])])
        #expect(!catalog.mayMention(reference(4), by: .worker(worker)))
        catalog.writerOpened(writer, owner: .worker(worker))
        #expect(catalog.owner(of: writer) == nil)
        try catalog.validate()
    }

    @Test func onlyNeededOrOwnObjectsMayBeMentioned() {
        var catalog = opened()
        catalog.use(reference(1))
        #expect(catalog.mayMention(reference(1), by: .client(client)))
        #expect(!catalog.mayMention(reference(2), by: .client(client)))
        #expect(catalog.mayMention(reference(2), by: .worker(worker)))
        #expect(!catalog.mayMention(reference(2, writer: WriterID(0xC)), by: .worker(worker)))
        let inline = ObjectRef(
            id: ObjectID(writer: WriterID(0xC), sequence: 1), encoding: .pickle5, length: 1, location: .inline([7]))
        #expect(catalog.mayMention(inline, by: .client(client)))
    }

    @Test func whatWasReleasedMayNotBeMentionedAgain() throws {
        var catalog = opened()
        catalog.use(reference(2))
        catalog.endUse(reference(2))
        #expect(catalog.takeEffects() == [.release(reference(2).id, owner: .worker(worker))])
        // Its region may hold another object by now.
        #expect(!catalog.mayMention(reference(2), by: .worker(worker)))
        #expect(catalog.mayMention(reference(1), by: .worker(worker)), "written before, told of later")
        #expect(catalog.mayMention(reference(3), by: .worker(worker)))
    }

    @Test func releasedSequencesAreRangesOfABoundedNumber() {
        var random = SeededRandom(seed: 5)
        var released = ReleasedSequences()
        var expected: Set<UInt64> = []
        for _ in 0..<2_000 {
            let sequence = UInt64.random(in: 1...900, using: &random)
            released.insert(sequence)
            expected.insert(sequence)
        }
        #expect((0...901).allSatisfy { released.contains($0) == expected.contains($0) })
        #expect(zip(released.ranges, released.ranges.dropFirst()).allSatisfy { $0.upperBound + 1 < $1.lowerBound })
        for sequence in 1...UInt64(3_000) { released.insert(1_000 + 2 * sequence) }
        #expect(released.ranges.count == ReleasedSequences.mostRanges)
        #expect(released.contains(7_000) && !released.contains(1_002), "the lowest are forgotten")
        released.insert(.max)
        #expect(released.contains(.max) && !released.contains(.max - 1))
    }

    @Test func inlineObjectsAreNotCounted() throws {
        var catalog = opened()
        let inline = ObjectRef(
            id: ObjectID(writer: writer, sequence: 1), encoding: .pickle5, length: 1, location: .inline([7]))
        catalog.use(inline)
        catalog.hold(inline, by: client)
        #expect(catalog.count == 0)
        catalog.endUse(inline)
        let released = catalog.release(inline.id, by: client)
        #expect(!released)
        try catalog.validate()
    }

    @Test func lengthsThatPeersStateEndNothing() throws {
        var catalog = opened()
        let objects = (1...3).map { sequence in
            ObjectRef(
                id: ObjectID(writer: writer, sequence: sequence), encoding: .tensor, length: UInt64(Int64.max),
                location: .segment(1, offset: 0))
        }
        for object in objects { catalog.hold(object, by: client) }
        var seen: Set<ObjectID> = []
        _ = catalog.bytes(heldBy: client, except: &seen)
        try catalog.validate()
        for object in objects {
            let released = catalog.release(object.id, by: client)
            #expect(released)
        }
        #expect(catalog.count == 0 && catalog.totalBytes == 0)
    }
}
