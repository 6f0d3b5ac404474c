import Foundation
import Testing
import Wire

/// SplitMix64: the same seed gives the same mutations everywhere.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

@Suite(.timeLimit(.minutes(10))) struct MutationTests {
    /// Messages in all; ANABRANCH_FUZZ_COUNT says how many.
    static let count = ProcessInfo.processInfo.environment["ANABRANCH_FUZZ_COUNT"].flatMap(Int.init) ?? 100_000

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func aMutatedMessageIsAValueOrATypedError(seed: UInt64) throws {
        var generator = SeededGenerator(state: seed)
        let originals = try GoldenFile.all.map { ($0, try $0.committedBytes()) }
        var refused = 0
        let share = MutationTests.count / 4
        for _ in 0..<share {
            let (file, original) = originals[Int.random(in: 0..<originals.count, using: &generator)]
            let mutated = mutate(original, using: &generator)
            do {
                _ = try file.decodesToSample(mutated)
            } catch {
                // The type of `error` is WireError: nothing else can leave a decoder.
                if case .zmq = error { Issue.record("a decoder spoke of sockets: \(error), seed \(seed)") }
                refused += 1
            }
        }
        // Most mutations break a message. A run in which few do has stopped to mutate.
        #expect(refused > share / 4)
    }

    private func mutate(_ original: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            switch UInt8.random(in: 0..<7, using: &generator) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[place] = .random(in: 0...255, using: &generator)
            case 2: bytes.removeSubrange(place...)
            case 3: bytes.remove(at: place)
            case 4: bytes.insert(.random(in: 0...255, using: &generator), at: place)
            case 5: bytes.replaceSubrange(place..<min(place + 9, bytes.count), with: repeatElement(0xFF, count: 9))
            default:
                let end = Int.random(in: place...min(place + 64, bytes.count), using: &generator)
                bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &generator))
            }
        }
        return bytes
    }
}
