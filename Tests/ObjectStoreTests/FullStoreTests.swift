import AnabranchCore
import Foundation
import Testing

@testable import ObjectStore

@Suite struct FullStoreTests {
    private let mebibyte = 1 << 20

    @Test func overBudgetSaysSoAndIdleSegmentsMakeRoom() throws {
        let store = try ScratchStore()
        let budget = UInt64(100 * mebibyte)
        let writer = try store.writer(1, budget: budget)
        let other = try store.writer(2, budget: budget)
        let first = try writer.write(.pickle5, length: 60 * mebibyte) { _ in }
        let error = #expect(throws: StoreError.self) { try other.write(.pickle5, length: 60 * mebibyte) { _ in } }
        let message = try #require(error).description
        for part in ["60.0 MiB more", "60.0 MiB of the budget of 100.0 MiB", "--store-budget"] {
            #expect(message.contains(part), "\(message)")
        }
        #expect(try #require(error).failureKind == .storeFull)
        _ = try other.write(.pickle5, length: mebibyte) { _ in }
        #expect(store.directory.totalBytes() <= budget)
        writer.release([first.id])
        _ = try writer.write(.pickle5, length: 80 * mebibyte) { _ in }
    }

    @Test func anArenaThatDoesNotFitBecomesSmaller() throws {
        let store = try ScratchStore()
        let budget = UInt64(3 * mebibyte)
        let (writer, other) = try (store.writer(1, budget: budget), store.writer(2, budget: budget))
        _ = try other.write(.pickle5, length: 5 * mebibyte / 2) { _ in }
        _ = try writer.write(.pickle5, length: 200_000) { _ in }
        #expect(writer.totalBytes == 200_704)
    }

    @Test func absurdLengthsAreRefused() throws {
        let writer = try ScratchStore().writer()
        #expect(throws: StoreError.self) { try writer.write(.pickle5, length: .max) { _ in } }
        #expect(throws: StoreError.self) { try writer.write(.pickle5, length: 1 << 50) { _ in } }
    }

    @Test(.enabled(if: SmallFileSystem.canMount, "mounting a small tmpfs needs root"))
    func aFullFileSystemIsAnErrorBeforeAnyByteIsWritten() throws {
        let small = try SmallFileSystem(mebibytes: 8)
        let writer = try SegmentWriter(directory: small.path, writer: WriterID(1))
        let reader = SegmentReader(directory: small.path)
        let kept = try writer.writeTensor(Array(repeating: 2.5, count: 100_000))
        let error = #expect(throws: StoreError.self) { try writer.write(.pickle5, length: 16 * mebibyte) { _ in } }
        #expect(try #require(error).description.contains("of 8.0 MiB are free"))
        try small.fill()
        var written = 0
        #expect(throws: StoreError.self) {
            while written < 20 {
                _ = try writer.write(.pickle5, length: mebibyte) { $0.initializeMemory(as: UInt8.self, repeating: 1) }
                written += 1
            }
        }
        // The arena's pages were taken before somebody else took the rest.
        #expect(written == 3)
        #expect(try reader.tensor(kept).elements(of: Double.self)?.last == 2.5)
    }

    @Test func budgetsAreComparedWithTheFileSystem() throws {
        let gibibyte: UInt64 = 1 << 30
        let large = FileSystemCapacity(totalBytes: 10 * gibibyte, availableBytes: 5 * gibibyte)
        #expect(try StoreBudget(requested: nil, capacity: large, directory: "/x").bytes == 5 * gibibyte / 10 * 8)
        #expect(try StoreBudget(requested: gibibyte, capacity: large, directory: "/x").bytes == gibibyte)
        let tooMuch = #expect(throws: StoreError.self) {
            try StoreBudget(requested: 11 * gibibyte, capacity: large, directory: "/x")
        }
        #expect(tooMuch?.description.contains("11.0 GiB is more than the 10.0 GiB") == true)
        let usual = FileSystemCapacity(totalBytes: 64 << 20, availableBytes: 64 << 20)
        let container = #expect(throws: StoreError.self) {
            try StoreBudget(requested: nil, capacity: usual, directory: "/dev/shm")
        }
        #expect(container?.description.contains("64.0 MiB, as containers have by default") == true)
        #expect(container?.description.contains("--shm-size") == true)
        #expect(try StoreBudget(requested: 32 << 20, capacity: usual, directory: "/x").bytes == 32 << 20)
    }
}

/// A tmpfs of a few mebibytes, unmounted with this.
private final class SmallFileSystem {
    static var canMount: Bool {
        guard let probe = try? SmallFileSystem(mebibytes: 1) else { return false }
        withExtendedLifetime(probe) {}
        return true
    }

    let path: String

    init(mebibytes: Int) throws {
        path = NSTemporaryDirectory() + "small-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(mebibytes)m") == 0 else {
            rmdir(path)
            throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EPERM)
        }
    }

    deinit {
        umount2(path, Int32(MNT_DETACH))
        rmdir(path)
    }

    /// Takes all that is free, as another program would.
    func fill() throws {
        let file = try FileDescriptor(opening: "\(path)/other", O_WRONLY | O_CREAT)
        let block = [UInt8](repeating: 1, count: 65536)
        while write(file.raw, block, block.count) > 0 {}
    }
}
