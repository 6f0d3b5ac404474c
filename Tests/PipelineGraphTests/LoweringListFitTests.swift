import AnabranchCore
import Testing

@testable import PipelineGraph

@Suite struct LoweringListFitTests {
    private func line(_ policy: FitPolicy) -> Graph {
        graph(
            [.transformer("s1"), .transformer("s2"), .transformer("pca", variants: 2), .predictor("tree")],
            ["s1": ["pca"], "s2": ["pca"], "pca": ["tree"]]
        ).replacing("pca") { $0.fit = policy }
    }

    @Test(arguments: [(FitPolicy.all, FitMethod.all), (.sequential, .sequential)])
    func oneModelForAListAndOneOutputForEachReference(policy: FitPolicy, method: FitMethod) throws {
        let plan = try Plan.lowering(RunRequest(line(policy), .fit, inputs: partitions(8)))
        #expect(
            plan.outline.dropFirst(2) == [
                "pca fit/fit gather(data:partition[]) [s1 s2] via={s1, s2} pca×2 list \(method)",
                "pca:apply apply/fit union [s1 s2] model=pca.model via={s1, s2} output",
                "tree fit/fit union [pca:apply]",
            ])
    }

    @Test func namedDimensionsAreNotGathered() throws {
        let inputs = ["AA", "BB"].map { carrier in
            InputEntry(key: key([.partition: 0, .data("carrier"): .text(carrier)]), data: data(carrier))
        }
        let plan = try Plan.lowering(RunRequest(line(.all), .fit, inputs: inputs))
        #expect(plan.node("pca")?.rule == .gather(over: [.partition], product: false, missing: .fail))
    }

    @Test func aSingleReferenceIsAListOfOne() throws {
        let one = [InputEntry(key: .empty, data: data())]
        let pca = try #require(Plan.lowering(RunRequest(line(.sequential), .fit, inputs: one)).node("pca"))
        #expect(pca.rule == .union && pca.inputForm == .list && pca.fitMethod == .sequential)
    }

    @Test func nothingIsAppliedThatNobodyReads() throws {
        let last = graph([.predictor("tree").with { $0.fit = .all }])
        #expect(
            try Plan.lowering(RunRequest(last, .fit, inputs: partitions(2))).outline == [
                "tree fit/fit gather(data:partition[]) [tree:inputs] list all"
            ])
    }

    @Test func aListFitOfSeveralEdgesJoinsThemFirst() throws {
        let and = graph(
            [.transformer("a"), .transformer("b"), .predictor("p", kind: .and).with { $0.fit = .all }],
            ["a": ["p"], "b": ["p"]])
        let plan = try Plan.lowering(RunRequest(and, .fit, inputs: partitions(2)) { $0.keepOutputs = true })
        #expect(
            plan.outline.dropFirst(2) == [
                "p fit/fit gather(data:partition[]) [a b] listOfEdges all",
                "p:apply apply/fit join [a b] model=p.model edges output kept",
            ])
    }

    @Test func overSaysWhatAListFitGathers() throws {
        let and = graph(
            [.transformer("a"), .predictor("p", kind: .and)], ["a": ["p"]]
        ).replacing("p") {
            $0.fit = .all
            $0.over = ["carrier"]
        }
        let inputs = ["AA", "BB"].map { carrier in
            InputEntry(key: key([.partition: 0, .data("carrier"): .text(carrier)]), data: data(carrier))
        }
        let plan = try Plan.lowering(RunRequest(and, .fit, inputs: inputs) { $0.keepOutputs = true })
        #expect(
            plan.outline.dropFirst() == [
                "p fit/fit gather(data:carrier) [a] list all",
                "p:apply apply/fit union [a] model=p.model output kept",
            ])
    }

    @Test func outOfFoldCutsAcrossTheList() throws {
        let stack = graph([.predictor("base").with { $0.fit = .all }, .predictor("meta")], ["base": ["meta"]])
        #expect(
            try Plan.lowering(RunRequest(stack, .fit, inputs: partitions(3))).outline == [
                "base:inner-split foldSplit/split gather(data:partition[]) [base:inputs]"
                    + " emits=fold:base+data:partition[] list internal",
                "base fit/fit gather(data:partition[]) [base:inputs] list all",
                "base:inner-fit fit/fit gather(data:partition[]) [base:inner-split] list all internal",
                "base:inner-predict apply/apply union [base:inner-split.test] model=base:inner-fit.model output internal",
                "base:out-of-fold collectFolds/combine gather(fold:base) [base:inner-split.test base:inner-predict]"
                    + " listOfEdges output internal",
                "meta fit/fit union [base:out-of-fold]",
            ])
    }
}
