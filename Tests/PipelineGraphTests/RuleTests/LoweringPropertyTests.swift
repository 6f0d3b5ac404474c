import AnabranchCore
import Testing

@testable import PipelineGraph

/// Random graphs in every mode, lowered and driven, against the semantics written as nested loops.
@Suite struct LoweringPropertyTests {
    private let labels: [Label] = ["x", "y"]
    private let folds = 2

    /// Runs `body` for the graphs of `seeds` whose relations are defined; most must be.
    private func forGraphs(_ seeds: ClosedRange<UInt64>, _ body: (Graph, GraphOracle, UInt64) throws -> Void) throws {
        var tried = 0
        for seed in seeds {
            var random = SeededGenerator(seed: seed)
            do {
                let graph = try RandomGraph.make(starts: starts, labels: labels, &random)
                try body(graph, GraphOracle(graph: graph, labels: labels), seed)
                tried += 1
            } catch is GraphOracle.Unsuitable {
                continue
            }
        }
        #expect(tried > seeds.count / 2)
    }

    private var starts: [Key] { partitions(2).map(\.key) }

    private func run(_ request: RunRequest, _ graph: Graph, _ seed: UInt64) throws -> DrivenRun {
        let splits = Dictionary(uniqueKeysWithValues: graph.nodes.map { ($0.name, labels) })
        let run = try DrivenRun(request, folds: folds, splits: splits)
        #expect(run.isCompleted && run.refused.isEmpty && run.skipped.isEmpty, "seed \(seed)")
        return run
    }

    /// Keys of the entries behind a node's output edges in the fit phase.
    private func fitOutputs(_ run: DrivenRun, _ name: String) -> [Key] {
        let collected = [name + ":out-of-fold", name + ":apply"].first { run.plan.node($0) != nil }
        return run.keys(collected ?? name)
    }

    /// For every other seed, up to three combinations of the graph's variants, some of which leave variants free.
    private func candidates(_ graph: Graph, _ seed: UInt64) -> [Key]? {
        var random = SeededGenerator(seed: seed)
        guard random.chance(50) else { return nil }
        return (0..<3).map { _ in
            graph.nodes.filter { $0.variantCount > 0 && random.chance(80) }.reduce(into: Key.empty) { key, node in
                let label = Int64.random(in: 0..<Int64(node.variantCount), using: &random)
                key = key.setting(.variant(node.name), to: .integer(label))
            }
        }
    }

    private func parts(_ keys: [Key], _ node: Node) -> [Key] {
        guard node.role == .splitter else { return keys }
        return keys.flatMap { key in labels.map { key.setting(.data(node.splits), to: $0) } }.sorted()
    }

    @Test func fitMatchesTheOracle() throws {
        try forGraphs(1...150) { graph, oracle, seed in
            var oracle = oracle
            oracle.candidates = candidates(graph, seed)
            let expected = try oracle.fit(starts)
            let request = RunRequest(graph, .fit, inputs: partitions(2)) {
                $0.keepOutputs = true
                $0.candidates = oracle.candidates
            }
            let run = try run(request, graph, seed)
            for (place, node) in graph.nodes.enumerated() {
                if node.role.isFitted {
                    #expect(
                        run.keys(node.name) == expected.models[place].sorted(), "models of \(node.name), seed \(seed)")
                }
                let outputs = parts(fitOutputs(run, node.name), node)
                #expect(outputs == expected.outputs[place].sorted(), "outputs of \(node.name), seed \(seed)")
            }
        }
    }

    @Test func predictMatchesTheOracle() throws {
        try forGraphs(151...300) { graph, oracle, seed in
            let models = try oracle.fit(starts).models
            let renamed = models.map { keys in
                keys.map { key in
                    key[.partition].map {
                        key.removing { $0 == .partition }.setting(.data("fit.partition"), to: $0)
                    } ?? key
                }
            }
            let expected = try oracle.apply(partitions(3).map(\.key), models: renamed)
            var given: [String: [Key]] = [:]
            for (place, node) in graph.nodes.enumerated() where node.role.isFitted { given[node.name] = models[place] }
            let request = RunRequest(graph, .predict, inputs: partitions(3), models: given) { $0.keepOutputs = true }
            let run = try run(request, graph, seed)
            for (place, node) in graph.nodes.enumerated() {
                let outputs = parts(run.keys(node.name), node)
                #expect(outputs == expected.outputs[place].sorted(), "outputs of \(node.name), seed \(seed)")
            }
        }
    }

    @Test func crossValidationMatchesTheOracle() throws {
        try forGraphs(301...450) { graph, oracle, seed in
            guard graph.nodes.contains(where: { $0.role == .predictor }) else { return }
            let folded = starts.flatMap { key in
                (0..<folds).map { key.setting(.fold("cv"), to: .integer(Int64($0))) }
            }
            let expected = try oracle.fit(folded)
            let request = RunRequest(graph, .crossValidate, inputs: partitions(2)) { $0.returnTrainScore = true }
            let run = try run(request, graph, seed)
            for (place, node) in graph.nodes.enumerated() {
                for name in [node.name + ":score", node.name + ":train-score"] where run.plan.node(name) != nil {
                    let outputs = parts(run.keys(name), node)
                    #expect(outputs == expected.outputs[place].sorted(), "scores of \(node.name), seed \(seed)")
                }
                if node.role == .predictor {
                    #expect(
                        run.keys(node.name) == expected.models[place].sorted(), "models of \(node.name), seed \(seed)")
                    #expect(run.count(node.name + ":score") > 0)
                }
            }
            #expect(run.plan.fitsThatSeeTestRows.isEmpty, "seed \(seed)")
        }
    }
}
