import Testing

@testable import PipelineGraph

@Suite struct KeyIndexTests {
    @Test func findsRowsOfAllShapesThatAgree() {
        let index = index([key([0: 1, 1: 1]), key([0: 1]), key([0: 2, 1: 1]), key([2: 5])])
        #expect(rows(index, agreeingWith: key([0: 1])) == [1, 2, 4])
        #expect(rows(index, agreeingWith: key([1: 1])) == [1, 2, 3, 4])
        #expect(rows(index, agreeingWith: key([0: 2, 1: 2])) == [4])
        #expect(rows(index, agreeingWith: .empty) == [1, 2, 3, 4])
    }

    @Test func rowsThatComeAfterAQuestionAreFoundByTheNext() {
        var index = index([key([0: 1, 1: 1])])
        let before = index.list(agreeingWith: key([1: 1]), group: 0)
        index.insert(key([0: 2, 1: 1]), number: 2)
        let after = index.list(agreeingWith: key([1: 1]), group: 0)
        #expect(before == [1] && after == [1, 2])
    }

    @Test func removedRowsAreSwept() {
        var index = index((1...100).map { key([0: $0 % 2, 1: $0]) })
        let before = index.list(agreeingWith: key([0: 0]), group: 0)
        for number in 1...90 { index.remove(UInt64(number)) }
        let after = index.list(agreeingWith: key([0: 0]), group: 0)
        #expect(before.count == 50)
        #expect(after.suffix(5) == [92, 94, 96, 98, 100] && after.count < 20)
        #expect(index.count == 10)
    }

    @Test func aPositionIsFoundAgainAfterRemovals() {
        #expect(RowList.index(in: [2, 4, 6], above: 4) == 2)
        #expect(RowList.index(in: [2, 6], above: 4) == 1)
        #expect(RowList.index(in: [], above: 4) == 0)
    }

    private func key(_ labels: [UInt32: UInt32]) -> CompactKey {
        CompactKey(parts: labels.map { CompactKey.part($0.key, $0.value) }.sorted())
    }

    /// Rows are numbered from 1.
    private func index(_ keys: [CompactKey]) -> KeyIndex<CompactKey> {
        var index = KeyIndex<CompactKey>()
        for (place, key) in keys.enumerated() { index.insert(key, number: UInt64(place + 1)) }
        return index
    }

    private func rows(_ index: KeyIndex<CompactKey>, agreeingWith probe: CompactKey) -> [UInt64] {
        var index = index
        return (0..<index.groupCount).flatMap { index.list(agreeingWith: probe, group: $0) }.sorted()
    }
}
