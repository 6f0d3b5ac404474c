import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct KeyCodecTests {
    @Test func decodesWhatItEncoded() {
        let (codec, pairs) = encoded()
        for (key, compact) in pairs { #expect(codec.decode(compact) == key) }
    }

    @Test func compactKeysAgreeMergeAndCompareAsKeysDo() {
        let (codec, pairs) = encoded()
        for ((left, a), (right, b)) in zip(pairs, pairs.dropFirst(7)) {
            #expect(a.agrees(with: b) == left.agrees(with: right))
            #expect(a.merged(with: b).map { codec.decode($0) } == left.merged(with: right))
            #expect(codec.precedes(a, b) == (left < right))
        }
    }

    /// Keys of all kinds of dimensions and labels, and how they are kept.
    private func encoded() -> (KeyCodec, [(Key, CompactKey)]) {
        let labels: [Label] = [-5, 0, 3, .integer(.max), "AA", "b", ""]
        let dimensions: [Dimension] = [.partition, .data("carrier"), .fold("cv"), .variant("pca"), .via(["a", "b"])]
        var random = SeededGenerator(seed: 1)
        var codec = KeyCodec(dimensions: dimensions)
        var pairs: [(Key, CompactKey)] = []
        for _ in 0..<200 {
            var key = Key.empty
            for dimension in dimensions where random.chance(50) {
                key = key.setting(dimension, to: labels.randomElement(using: &random) ?? 0)
            }
            pairs.append((key, codec.encode(key)))
        }
        return (codec, pairs)
    }
}
