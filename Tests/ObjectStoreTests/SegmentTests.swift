import AnabranchCore
import Foundation
import Testing

@testable import ObjectStore

@Suite struct SegmentTests {
    private let mebibyte = 1 << 20

    @Test func arraysAreWrittenAndReadInPlace() throws {
        let store = try ScratchStore()
        let writer = try store.writer()
        let reader = SegmentReader(directory: store.path)
        for count in [0, 3, 5000] {
            let elements = (0..<count).map(Double.init)
            let ref = try writer.writeTensor(elements)
            #expect(ref.isInline == (count < 1000))
            let view = try reader.tensor(ref)
            #expect(view.shape == [count])
            #expect(view.elements(of: Double.self) == elements)
            #expect(view.elements(of: Float.self) == nil)
            view.withUnsafeBytes { bytes in
                if !ref.isInline, let base = bytes.baseAddress { #expect(UInt(bitPattern: base) % 64 == 0) }
            }
        }
        let matrix = try writer.writeTensor([1, 2, 3, 4, 5, 6] as [Int32], shape: [3, 2], order: .fortran)
        #expect(try reader.tensor(matrix).header.order == .fortran)
        #expect(throws: TensorFormatError.self) { try writer.writeTensor([1.0, 2.0], shape: [3]) }
    }

    @Test func releasedRegionsAreUsedAgainAndOthersAreNot() throws {
        let store = try ScratchStore()
        let writer = try store.writer()
        let reader = SegmentReader(directory: store.path)
        var generator = SeededGenerator(seed: 3)
        var live: [(ObjectRef, UInt8)] = []
        for number in 0..<1500 {
            let length = Int.random(in: 9_000...60_000, using: &generator)
            let mark = UInt8(truncatingIfNeeded: number)
            let ref = try writer.write(.pickle5, length: length) {
                $0.initializeMemory(as: UInt8.self, repeating: mark)
            }
            live.append((ref, mark))
            if live.count > 40 {
                writer.release([live.remove(at: Int.random(in: 0..<live.count, using: &generator)).0.id])
            }
            if number % 100 == 0 {
                for (ref, mark) in live {
                    #expect(try reader.withUnsafeBytes(of: ref) { $0.allSatisfy { $0 == mark } })
                }
            }
        }
        #expect(writer.totalBytes <= 16 * mebibyte)
    }

    @Test func aWriteThatFailsKeepsNothing() throws {
        struct Refusal: Error {}
        let store = try ScratchStore()
        let writer = try store.writer()
        #expect(throws: Refusal.self) { try writer.write(.tensor, length: 100_000) { _ in throw Refusal() } }
        let ref = try writer.write(.tensor, length: 100_000) { _ in }
        #expect(ref.location == .segment(1, offset: 0))
        #expect(ref.id.sequence == 1)
    }

    @Test func objectsOutliveTheirWriter() throws {
        let store = try ScratchStore()
        let reader = SegmentReader(directory: store.path)
        var writer: SegmentWriter? = try store.writer()
        #expect(throws: StoreError.self) { try store.writer() }
        #expect(store.directory.isAlive(WriterID(7)))
        let kept = try #require(try writer?.writeTensor(Array(repeating: 1.5, count: 5000)))
        let gone = try #require(try writer?.write(.pickle5, length: 40 * mebibyte) { _ in })
        writer?.release([gone.id])
        #expect(store.directory.removeSegments(of: WriterID(7)) == 0)
        writer = nil
        #expect(!store.directory.isAlive(WriterID(7)))
        #expect(try store.files("seg-") == ["seg-0000000000000007-1"])
        #expect(try store.files("writer-") == [])
        let view = try reader.tensor(kept)
        #expect(store.directory.removeSegments(of: WriterID(7)) == UInt64(4 * mebibyte))
        reader.sweep()
        #expect(view.elements(of: Double.self)?.last == 1.5)
        #expect(throws: StoreError.self) { try reader.tensor(kept) }
    }

    @Test func aSegmentThatSomebodyRemovedIsLostAndNothingFurtherGoesThere() throws {
        let store = try ScratchStore()
        let writer = try store.writer()
        let reader = SegmentReader(directory: store.path)
        let removed = try writer.writeTensor(Array(repeating: 1.5, count: 5000))
        let view = try reader.tensor(removed)
        #expect(unlink("\(store.path)/seg-0000000000000007-1") == 0)
        let other = SegmentReader(directory: store.path)
        let error = #expect(throws: StoreError.self) { try other.tensor(removed) }
        #expect(error?.lostObject == removed.id && error?.failureKind == .objectLost)
        #expect(view.elements(of: Double.self)?.last == 1.5)
        let next = try writer.writeTensor(Array(repeating: 2.5, count: 5000))
        #expect(next.location == .segment(2, offset: 0))
        #expect(try other.tensor(next).elements(of: Double.self)?.last == 2.5)
        writer.release([removed.id, next.id])
    }

    @Test func aSegmentThatSomebodyCutShortIsLostAndNothingFurtherGoesThere() throws {
        let store = try ScratchStore()
        let writer = try store.writer()
        let reader = SegmentReader(directory: store.path)
        let cut = try writer.writeTensor(Array(repeating: 1.5, count: 5000))
        _ = try reader.bytes(of: cut)
        #expect(truncate("\(store.path)/seg-0000000000000007-1", 4096) == 0)
        for reader in [reader, SegmentReader(directory: store.path)] {
            let error = #expect(throws: StoreError.self) { try reader.tensor(cut) }
            #expect(error?.lostObject == cut.id)
            #expect(error?.description.contains("has 4096 bytes") == true)
        }
        let next = try writer.writeTensor(Array(repeating: 2.5, count: 5000))
        #expect(try reader.tensor(next).elements(of: Double.self)?.last == 2.5)
    }

    @Test func badReferencesAreRefusedByName() throws {
        let store = try ScratchStore()
        let writer = try store.writer()
        let reader = SegmentReader(directory: store.path)
        let good = try writer.writeTensor(Array(repeating: 1.0, count: 5000))
        let places: [(UInt64, Location)] = [
            (good.length, .segment(1, offset: 3)), (0, .segment(1, offset: 0)), (.max, .segment(1, offset: 64)),
            (64, .segment(1, offset: 1 << 62)), (64, .segment(2, offset: 0)), (64, .segment(0, offset: 0)),
            (UInt64(5 * mebibyte), .segment(1, offset: 0)), (9, .inline([1])), (1, .inline([1])),
            (good.length - 64, .segment(1, offset: 0)), (good.length, .segment(1, offset: 64)),
        ]
        for (length, location) in places {
            let bad = ObjectRef(id: good.id, encoding: .tensor, length: length, location: location)
            let error = #expect(throws: StoreError.self) { try reader.tensor(bad) }
            #expect(error?.description.contains("object 7.1") == true)
        }
        try Data().write(to: URL(filePath: "\(store.path)/seg-0000000000000007-3"))
        let empty = ObjectRef(id: good.id, encoding: .tensor, length: 1, location: .segment(3, offset: 0))
        #expect(throws: StoreError.self) { try reader.bytes(of: empty) }
        let pickled = ObjectRef(id: good.id, encoding: .pickle5, length: good.length, location: good.location)
        #expect(throws: StoreError.self) { try reader.tensor(pickled) }
    }

    @Test func aReaderSeesASegmentThatHasGrown() throws {
        let store = try ScratchStore()
        let reader = SegmentReader(directory: store.path)
        let path = URL(filePath: "\(store.path)/seg-0000000000000009-1")
        func ref(_ length: UInt64) -> ObjectRef {
            ObjectRef(
                id: ObjectID(writer: WriterID(9), sequence: 1), encoding: .pickle5, length: length,
                location: .segment(1, offset: 0))
        }
        try Data(repeating: 1, count: 4096).write(to: path)
        #expect(try reader.bytes(of: ref(4096)).count == 4096)
        try Data(repeating: 2, count: 8192).write(to: path)
        #expect(try reader.withUnsafeBytes(of: ref(8192)) { $0[8191] } == 2)
    }
}

private typealias Data = Foundation.Data
