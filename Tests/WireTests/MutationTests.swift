import Foundation
import Testing
import Wire

@testable import anabranch_stress

@Suite(.timeLimit(.minutes(10))) struct MutationTests {
    /// Messages in all; ANABRANCH_FUZZ_COUNT says how many.
    static let count = ProcessInfo.processInfo.environment["ANABRANCH_FUZZ_COUNT"].flatMap(Int.init) ?? 100_000

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func aMutatedMessageIsAValueOrATypedError(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        let originals = try GoldenFile.all.map { ($0, try $0.committedBytes()) }
        var refused = 0
        let share = MutationTests.count / 4
        for _ in 0..<share {
            let (file, original) = originals[Int.random(in: 0..<originals.count, using: &generator)]
            let mutated = ByteMutator.mutate(original, using: &generator)
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
}
