import Testing

@testable import PipelineGraph

@Suite struct CandidatesTests {
    @Test func withoutCandidatesEverythingIsWanted() {
        #expect(wants(nil, key([0: 7])))
        #expect(labels(nil, of: 1, count: 3, for: key([:])) == [0, 1, 2])
    }

    @Test func anEmptyListWantsNothing() {
        #expect(!wants([], key([:])))
        #expect(labels([], of: 1, count: 3, for: key([:])) == [])
    }

    @Test func aKeyAgreesWithARowOnTheDimensionsOfBoth() {
        let rows = [key([0: 1, 1: 2]), key([0: 3])]
        #expect(wants(rows, key([0: 1])))
        #expect(!wants(rows, key([0: 2])))
        #expect(wants(rows, key([0: 3, 1: 9])), "The second row leaves dimension 1 free")
        #expect(!wants(rows, key([0: 1, 1: 9])))
        #expect(wants(rows, key([5: 5])))
    }

    @Test func labelsAreThoseOfTheRowsThatAgreeInOrder() {
        let rows = [key([0: 1, 1: 2]), key([0: 1, 1: 0]), key([0: 1, 1: 2]), key([0: 2, 1: 1])]
        #expect(labels(rows, of: 1, count: 9, for: key([0: 1])) == [0, 2])
        #expect(labels(rows, of: 1, count: 2, for: key([0: 1])) == [0], "There is no variant 2 of 2")
        #expect(labels(rows, of: 1, count: 9, for: key([0: 7])) == [])
    }

    @Test func aRowThatLeavesTheDimensionFreeAllowsAllLabels() {
        #expect(labels([key([0: 1, 1: 2]), key([0: 1])], of: 1, count: 3, for: key([0: 1])) == [0, 1, 2])
    }

    /// Dimensions and labels by number.
    private func key(_ labels: [UInt32: UInt32]) -> CompactKey {
        CompactKey(parts: labels.map { CompactKey.part($0.key, $0.value) }.sorted())
    }

    private func wants(_ rows: [CompactKey]?, _ key: CompactKey) -> Bool {
        var candidates = Candidates(rows)
        return candidates.agree(with: key)
    }

    private func labels(
        _ rows: [CompactKey]?, of dimension: UInt32, count: UInt32, for key: CompactKey
    ) -> [UInt32] {
        var candidates = Candidates(rows)
        let labels = candidates.labels(of: dimension, count: count, for: key)
        return (0..<labels.count).map { labels[$0] }
    }
}
