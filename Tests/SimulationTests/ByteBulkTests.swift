import Foundation
import Testing

@testable import anabranch_stress

/// Damaged messages to what stands behind each socket; `anabranch-stress bytes` sends them by the million.
@Suite struct ByteBulkTests {
    private static let golden = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../WireTests/Golden").standardizedFileURL.path

    private static func bulk(count: Int) throws -> ByteBulk {
        ByteBulk(seed: 5, count: count, corpus: try Corpus(directory: golden))
    }

    @Test(arguments: ByteBulk.Socket.allCases) func theyHaveNoEffect(socket: ByteBulk.Socket) throws {
        let outcome = try #require(try Self.bulk(count: 12_000).run([socket]).first)
        #expect(outcome.failure == nil)
        #expect(outcome.messages == 12_000)
        // Else nothing came as far as what stands behind the decoder.
        #expect(outcome.understood > 1_000 && outcome.understood < 11_000)
    }

    /// Something that believes a length.
    private struct Believer: ByteTarget {
        func original(using random: inout SplitMix64) -> [UInt8] { [3, 1, 2, 3] }
        func take(_ message: [UInt8]) throws -> Bool {
            guard let count = message.first else { return false }
            if Int(count) >= message.count { throw ByteFailure("read \(count) of \(message.count - 1)") }
            return true
        }
        func end() {}
    }

    @Test func whatBelievesItsInputIsFound() throws {
        let outcome = try Self.bulk(count: 1_000).run(.tensor, Believer())
        #expect(outcome.failure?.contains("of seed 5") == true)
        #expect(outcome.messages < 1_000)
    }
}
