import AnabranchCore
import Foundation
import Testing

@testable import ObjectStore

@Suite struct StoreDirectoryTests {
    @Test func aStoreIsMadeOpenedAndRemoved() throws {
        let scratch = try ScratchStore()
        let made = scratch.directory
        #expect(made.identity.count == 16)
        #expect(made.path.hasPrefix("\(scratch.parent)/anabranch-\(getuid())-"))
        let opened = try StoreDirectory(opening: made.path)
        #expect(opened.identity == made.identity)
        #expect(StoreDirectory.hasOwner(made.path))
        let mode = try FileManager.default.attributesOfItem(atPath: made.path)[.posixPermissions] as? Int
        #expect(mode == 0o700)
        made.remove()
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.parent) == [])
        let error = #expect(throws: StoreError.self) { try StoreDirectory(opening: made.path) }
        #expect(error?.description.contains(made.path) == true)
    }

    @Test func aStoreCannotBeMadeWhereNothingCanBeWritten() {
        let error = #expect(throws: StoreError.self) { try StoreDirectory.create(in: "/nowhere/at/all") }
        #expect(error?.description.contains("/nowhere/at/all") == true)
    }

    @Test func whatNobodyOwnsIsReclaimedAndNothingElse() throws {
        let scratch = try ScratchStore()
        var abandoned: StoreDirectory? = try StoreDirectory.create(in: scratch.parent)
        let path = try #require(abandoned?.path)
        do {
            let writer = try SegmentWriter(directory: path, writer: WriterID(1))
            _ = try writer.writeTensor(Array(repeating: 1.0, count: 5000))
        }
        let files = FileManager.default
        let others = ["anabranch-99999-1", "other", ".anabranch-\(getuid())-new"].map { "\(scratch.parent)/\($0)" }
        for other in others { try files.createDirectory(atPath: other, withIntermediateDirectories: false) }
        let link = "\(scratch.parent)/anabranch-\(getuid())-link"
        try files.createSymbolicLink(atPath: link, withDestinationPath: others[1])
        #expect(StoreDirectory.reclaimAbandoned(in: scratch.parent) == [])
        abandoned = nil
        #expect(StoreDirectory.reclaimAbandoned(in: scratch.parent) == [path])
        #expect(!files.fileExists(atPath: path))
        #expect(files.fileExists(atPath: scratch.path))
        for other in others + [link] { #expect(files.fileExists(atPath: other)) }
        // What was hidden a minute ago was never shown: its maker died.
        try files.setAttributes([.modificationDate: Date(timeIntervalSinceNow: -100)], ofItemAtPath: others[2])
        #expect(StoreDirectory.reclaimAbandoned(in: scratch.parent) == [others[2]])
    }

    @Test func theSummaryCounts() throws {
        let scratch = try ScratchStore()
        let writer = try scratch.writer(5)
        do {
            let dead = try scratch.writer(6)
            _ = try dead.writeTensor(Array(repeating: 1.0, count: 5000))
        }
        _ = try writer.writeTensor(Array(repeating: 1.0, count: 5000))
        let summary = scratch.directory.summary()
        #expect(summary.segments == 2 && summary.segmentBytes == 8 << 20)
        #expect(summary.liveWriters == 1 && summary.deadWriters == 1)
        #expect(summary.capacity.totalBytes > summary.capacity.availableBytes)
        #expect(scratch.directory.writers() == [WriterID(5), WriterID(6)])
    }

    @Test(arguments: [
        "seg-", "seg-0000000000000001", "seg-1-1", "seg-0000000000000001-0", "seg-000000000000000g-1", "x",
    ])
    func otherNamesAreNoSegments(name: String) {
        #expect(SegmentName(name) == nil)
    }

    @Test func segmentNamesAreThoseOfPython() {
        let name = SegmentName(writer: WriterID(0xABC), number: 12)
        #expect("\(name)" == "seg-0000000000000abc-12")
        #expect(SegmentName("seg-0000000000000abc-12") == name)
        #expect(WriterID(0xABC).lockName == "writer-0000000000000abc.lock")
    }

    @Test(arguments: [
        (0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (100 << 20, "100.0 MiB"), (5 << 40, "5.0 TiB"),
    ])
    func byteCountsAreReadable(count: Int, text: String) {
        #expect(ByteCount(count).description == text)
    }

    @Test func nothingIsLeftOpen() throws {
        func descriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
        let scratch = try ScratchStore()
        // Other tests open and close files meanwhile: what grows with the repetitions is a leak.
        let before = try descriptors()
        for id in 1...200 as ClosedRange<UInt64> {
            let writer = try scratch.writer(id)
            let ref = try writer.writeTensor(Array(repeating: 1.0, count: 5000))
            _ = try SegmentReader(directory: scratch.path).tensor(ref)
            _ = StoreDirectory.hasOwner(scratch.path)
            _ = try? scratch.writer(id)
        }
        #expect(try descriptors() < before + 100)
    }
}
