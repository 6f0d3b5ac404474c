import AnabranchCore
import Testing

@Suite struct KeyTests {
    private let fold = Dimension.fold("cv")
    private let carrier = Dimension.data("carrier")
    private let pca = Dimension.variant("pca")

    private func key(_ parts: Key.Part...) throws -> Key { try #require(Key(parts)) }

    @Test func partsAreSortedByDimensionWhateverTheOrderGiven() throws {
        let one = try key(.init(pca, 1), .init(carrier, "AA"), .init(fold, 2))
        let other = try key(.init(fold, 2), .init(pca, 1), .init(carrier, "AA"))
        #expect(one == other)
        #expect(one.dimensions == [carrier, fold, pca])
        #expect(one.description == "carrier=AA,fold=2,pca=1")
    }

    @Test func aDimensionMayNotOccurTwice() {
        #expect(Key([Key.Part(fold, 1), Key.Part(fold, 2)]) == nil)
        #expect(Key([Key.Part(fold, 1), Key.Part(fold, 1)]) == nil)
    }

    @Test func agreementIsEqualLabelsOnSharedDimensions() throws {
        let first = try key(.init(fold, 1), .init(carrier, "AA"))
        #expect(first.agrees(with: try key(.init(fold, 1), .init(pca, 0))))
        #expect(!first.agrees(with: try key(.init(fold, 2), .init(pca, 0))))
        #expect(first.agrees(with: try key(.init(pca, 0))))
        #expect(first.agrees(with: .empty))
        #expect(Key.empty.agrees(with: first))
    }

    @Test func mergingIsTheUnionOrNothing() throws {
        let first = try key(.init(fold, 1), .init(carrier, "AA"))
        let second = try key(.init(fold, 1), .init(pca, 3))
        #expect(first.merged(with: second) == (try key(.init(carrier, "AA"), .init(fold, 1), .init(pca, 3))))
        #expect(first.merged(with: try key(.init(fold, 0))) == nil)
        #expect(first.merged(with: .empty) == first)
    }

    @Test func foldsOfDifferentOwnersAreDifferentDimensions() throws {
        let outer = try key(.init(.fold("cv"), 1))
        let inner = try key(.init(.fold("stack"), 2))
        #expect(outer.agrees(with: inner))
        #expect(outer.merged(with: inner)?.parts.count == 2)
    }

    @Test func aViaIsOwnedByTheSetOfAlternatives() {
        #expect(Dimension.via(["scale", "minmax"]) == Dimension.via(["minmax", "scale"]))
        #expect(Dimension.via(["scale", "minmax"]).fullName == "via:{minmax, scale}")
    }

    @Test func positionsOfAListAreNotANameOfTheSameSpelling() throws {
        let position = try key(.init(.partition, 1))
        let name = try key(.init(.data("partition"), 2))
        #expect(position.agrees(with: name))
        #expect(Dimension.partition.fullName == "data:partition[]")
    }

    @Test func settingReplacesAndKeepsTheOrder() throws {
        let changed = try key(.init(fold, 1), .init(pca, 0)).setting(fold, to: 4).setting(carrier, to: "UA")
        #expect(changed == (try key(.init(carrier, "UA"), .init(fold, 4), .init(pca, 0))))
    }

    @Test func projectionAndRemovalPartTheKey() throws {
        let whole = try key(.init(carrier, "AA"), .init(fold, 1), .init(pca, 0))
        let gathered = whole.removing { $0.kind == .fold }
        #expect(gathered == (try key(.init(carrier, "AA"), .init(pca, 0))))
        #expect(whole.projected { $0.kind == .fold } == (try key(.init(fold, 1))))
    }

    @Test func integersComeBeforeTextsAndInTheirOwnOrder() {
        let labels: [Label] = ["10", 9, 10, "9"]
        #expect(labels.sorted() == [9, 10, "10", "9"])
    }

    /// Seeded: agreement is symmetric, and two keys merge exactly when they agree, to the union of their parts.
    @Test func agreementAndMergingMatchTheirDefinition() throws {
        var random = SplitMix64(seed: 7)
        let dimensions = [carrier, fold, pca, .via(["a", "b"]), .partition]
        func draw() throws -> Key {
            try #require(
                Key(
                    dimensions.filter { _ in random.next() % 2 == 0 }
                        .map { Key.Part($0, .integer(Int64(random.next() % 2))) }))
        }
        var agreed = 0
        for _ in 0..<5_000 {
            let (first, second) = (try draw(), try draw())
            let shared = first.dimensions.filter { second[$0] != nil }
            let expected = shared.allSatisfy { first[$0] == second[$0] }
            #expect(first.agrees(with: second) == expected)
            #expect(second.agrees(with: first) == expected)
            let merged = first.merged(with: second)
            #expect((merged != nil) == expected)
            if let merged {
                agreed += 1
                #expect(Set(merged.parts) == Set(first.parts).union(second.parts))
                #expect(merged.parts == merged.parts.sorted())
            }
        }
        #expect(agreed > 500)
    }
}

/// A generator with a seed (Steele, Lea and Flood, 2014), so that a failure can be run again.
private struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
