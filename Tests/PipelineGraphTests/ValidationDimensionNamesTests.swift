import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct ValidationDimensionNamesTests {
    private let names = DimensionNames([
        .partition, .data("carrier"), .fold("cv"), .fold("outer"), .variant("pca"), .via(["scale", "minmax"]),
    ])

    @Test(arguments: [
        ("partition", Dimension.partition), ("data:partition[]", .partition), ("carrier", .data("carrier")),
        ("pca", .variant("pca")), ("{minmax, scale}", .via(["minmax", "scale"])), ("fold:outer", .fold("outer")),
    ]) func findsByShortAndByFullName(name: String, dimension: Dimension) throws {
        #expect(try names.resolve(name) == dimension)
    }

    @Test func listsFullNamesWhenAShortOneIsAmbiguous() {
        #expect(throws: DimensionNameError.ambiguous("fold", candidates: ["fold:cv", "fold:outer"])) {
            try names.resolve("fold")
        }
    }

    @Test func tellsAListFromANameOfTheUsers() {
        let both = DimensionNames([.partition, .data("partition")])
        #expect(throws: DimensionNameError.ambiguous("partition", candidates: ["data:partition", "data:partition[]"])) {
            try both.resolve("partition")
        }
    }

    @Test func listsWhatThereIsWhenANameIsUnknown() {
        #expect(throws: DimensionNameError.unknown("region", known: ["data:carrier"])) {
            try DimensionNames([.data("carrier")]).resolve("region")
        }
    }
}
