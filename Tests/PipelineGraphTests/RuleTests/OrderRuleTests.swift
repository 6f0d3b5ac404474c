import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct OrderRuleTests {
    private func line(_ variants: UInt32) -> Graph {
        graph(
            [
                .transformer("scale"), .transformer("pca", variants: variants), .predictor("tree", variants: 3),
                .and("best", over: ["tree"]),
            ],
            ["scale": ["pca"], "pca": ["tree"], "tree": ["best"]])
    }

    private func held(_ mode: Mode, variants: UInt32, partitions count: Int) throws -> Int {
        try DrivenRun(RunRequest(line(variants), mode, inputs: partitions(count)), slots: 2).mostHeld
    }

    @Test(arguments: [Mode.fit, .crossValidate])
    func keysAreFinishedBeforeNewOnesAreOpened(mode: Mode) throws {
        let few = try held(mode, variants: 4, partitions: 2)
        #expect(few > 0 && few < 12)
        #expect(try held(mode, variants: 40, partitions: 2) == few)
        #expect(try held(mode, variants: 4, partitions: 20) == few)
    }
}
