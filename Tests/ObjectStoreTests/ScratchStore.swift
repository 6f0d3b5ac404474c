import AnabranchCore
import Foundation

@testable import ObjectStore

/// A store in a directory of its own, removed with this.
final class ScratchStore: Sendable {
    let parent: String
    let directory: StoreDirectory

    init() throws {
        parent = "/dev/shm/test-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: false)
        directory = try StoreDirectory.create(in: parent)
    }

    deinit { try? FileManager.default.removeItem(atPath: parent) }

    var path: String { directory.path }

    func writer(_ id: UInt64 = 7, budget: UInt64 = 0) throws -> SegmentWriter {
        try SegmentWriter(directory: path, writer: WriterID(id), budget: budget)
    }

    func files(_ prefix: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasPrefix(prefix) }.sorted()
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
