import AnabranchCore
import Testing

@testable import PipelineGraph

/// The planner's rules on plans made by hand, one a test. (`RuleTests` shows them from graphs on.)
@Suite struct PlannerRuleTests {
    let sketch = PlanSketch()

    @Test func agreement() {
        let plan = sketch.plan(
            sketch.source("left"), sketch.source("right"), sketch.join("both", 0, 1),
            keys: [
                [sketch.key(("carrier", "AA"), ("year", 1)), sketch.key(("carrier", "UA"), ("year", 2))],
                [sketch.key(("carrier", "AA"), ("month", 7)), sketch.key(("carrier", "UA"), ("month", 8))],
            ])
        #expect(ran(plan, "both") == ["carrier=AA,month=7,year=1", "carrier=UA,month=8,year=2"])
    }

    @Test func orOverTheUnion() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("scale", 0, variants: 3),
            keys: [[sketch.part(0), sketch.part(1)]])
        #expect(
            ran(plan, "scale").sorted() == [
                "partition=0,scale=0", "partition=0,scale=1", "partition=0,scale=2", "partition=1,scale=0",
                "partition=1,scale=1", "partition=1,scale=2",
            ])
    }

    @Test func viaLabels() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("minmax", 0), sketch.union("scale", 0),
            sketch.alternatives("tree", 1, 2, named: ["minmax", "scale"]), keys: [[.empty]])
        let driver = drive(plan)
        let tree = driver.started.filter { $0.node == PlanNodeIndex(3) }
        #expect(tree.map(\.key.description) == ["{minmax, scale}=minmax", "{minmax, scale}=scale"])
        #expect(tree.map(\.edge) == [0, 1])
    }

    @Test func andNaturalJoin() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.split("cv", 0, emits: .fold("cv")), sketch.union("a", 1), sketch.union("b", 1),
            sketch.join("and", 2, 3), keys: [[.empty]])
        let driver = drive(plan, parts: 5)
        let joined = driver.started.filter { $0.node == PlanNodeIndex(4) }
        #expect(joined.map(\.key.description).sorted() == (0..<5).map { "fold=\($0)" })
        #expect(joined.allSatisfy { $0.items.map(\.count) == [2] })
    }

    @Test func threeVariantsBelowTwoBranches() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("pca", 0, variants: 3), sketch.union("a", 1), sketch.union("b", 1),
            sketch.join("and", 2, 3), keys: [[.empty]])
        #expect(ran(plan, "and") == ["pca=0", "pca=1", "pca=2"])
    }

    @Test func independentChoices() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("scale", 0, variants: 2), sketch.union("encode", 0, variants: 3),
            sketch.join("and", 1, 2), keys: [[.empty]])
        #expect(Set(ran(plan, "and")).count == 6)
    }

    @Test func siblingsThatChooseAmongTheSameSourcesAgree() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("s1", 0), sketch.union("s2", 0),
            sketch.alternatives("tree", 1, 2, named: ["s1", "s2"]),
            sketch.alternatives("boost", 1, 2, named: ["s1", "s2"]), sketch.join("vote", 3, 4), keys: [[.empty]])
        #expect(ran(plan, "vote") == ["{s1, s2}=s1", "{s1, s2}=s2"])
    }

    @Test func gatherOver() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("scale", 0, variants: 2), sketch.gather("mean", 1, over: [.partition]),
            keys: [(0..<8).reversed().map { sketch.part($0) }])
        let driver = drive(plan)
        let groups = driver.started.filter { $0.node == PlanNodeIndex(2) }
        #expect(groups.map(\.key.description) == ["scale=0", "scale=1"])
        for group in groups {
            let scale = group.key.description
            let members = group.items.map { $0.map { driver.names[$0] ?? "?" } }
            #expect(members == (0..<8).map { ["1:partition=\($0),\(scale)"] }, "Members stand in key order")
        }
    }

    @Test func aGroupIsClosedBeforeTheNextOneIsOpened() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("scale", 0), sketch.union("tree", 1, variants: 4),
            sketch.gather("mean", 2, over: [.partition]), keys: [(0..<3).map { sketch.part($0) }])
        #expect(
            drive(plan, window: 1).started.suffix(16).map { "\($0.node)" }
                == Array(repeating: ["2", "2", "2", "3"], count: 4).flatMap { $0 })
    }

    @Test func gatherWaitsForTheClosingOfASplitter() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.split("by", 0, emits: .data("group")), sketch.union("scale", 1),
            sketch.gather("mean", 2, over: [.data("group"), .partition]), keys: [[sketch.part(0), sketch.part(1)]])
        var driver = PlannerDriver(plan, fates: sketch.fates(parts: 2))
        driver.next(10)
        driver.end(0)
        driver.next(10)
        while driver.running.count > 1 { driver.end(1) }
        #expect(driver.next(10) == 0, "The other splitter has not ended: more members may come")
        driver.end(0)
        driver.next(10)
        while !driver.running.isEmpty { driver.end(0) }
        driver.next(10)
        #expect(driver.running.map(\.items.count) == [4])
    }

    @Test func aSplitterWithoutPartsLeavesNothingToDo() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.split("by", 0, emits: .data("group")), sketch.union("scale", 1), keys: [[.empty]]
        )
        let driver = drive(plan, parts: 0)
        #expect(driver.started.count == 1)
    }

    @Test func product() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.source("y"), sketch.join("pair", 0, 1, product: true),
            keys: [[sketch.part(0), sketch.part(1)], [sketch.part(0), sketch.part(1), sketch.part(2)]])
        let keys = ran(plan, "pair")
        #expect(Set(keys).count == 6, "A product's keys are unique: \(keys)")
        #expect(keys.contains("partition@x=0,partition@y=1"))
    }

    @Test func candidates() {
        let candidates = [sketch.variants(("pca", 0), ("tree", 2)), sketch.variants(("pca", 1))]
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("pca", 0, variants: 3), sketch.union("tree", 1, variants: 3),
            keys: [[.empty]], candidates: candidates)
        #expect(ran(plan, "pca") == ["pca=0", "pca=1"])
        #expect(ran(plan, "tree") == ["pca=0,tree=2", "pca=1,tree=0", "pca=1,tree=1", "pca=1,tree=2"])
    }

    @Test func noCandidatesNoFirings() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("pca", 0, variants: 3), keys: [[.empty]], candidates: [])
        #expect(ran(plan, "pca").isEmpty)
    }

    @Test func noPartner() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.source("y"), sketch.join("and", 0, 1),
            keys: [[sketch.part(0), sketch.part(1)], [sketch.part(1), sketch.part(2)]])
        let driver = drive(plan)
        #expect(driver.started.map(\.key.description) == ["partition=1"])
        let refusals = refusals(driver)
        #expect(refusals.map(\.key) == ["partition=0", "partition=2"])
        #expect(refusals.allSatisfy { $0.message.contains("'and'") && $0.message.contains($0.key) })
    }

    @Test func aPartnerThatFailedCountsAsOne() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("a", 0), sketch.union("b", 0), sketch.join("and", 1, 2),
            keys: [[sketch.part(0)]])
        let driver = drive(plan, failing: ["1:partition=0"])
        #expect(refusals(driver).isEmpty)
        #expect(skips(driver) == ["3:partition=0"])
    }

    @Test func failedMember() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("scale", 0, variants: 2), sketch.gather("mean", 1, over: [.partition]),
            keys: [[sketch.part(0), sketch.part(1)]])
        let driver = drive(plan, failing: ["1:partition=1,scale=0"])
        #expect(skips(driver) == ["2:scale=0"])
        #expect(driver.started.filter { $0.node == PlanNodeIndex(2) }.map(\.key.description) == ["scale=1"])
    }

    @Test func missingDrop() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("scale", 0, variants: 2),
            sketch.gather("mean", 1, over: [.partition], missing: .drop), keys: [[sketch.part(0), sketch.part(1)]])
        let driver = drive(
            plan, failing: ["1:partition=1,scale=0", "1:partition=0,scale=1", "1:partition=1,scale=1"])
        let groups = driver.started.filter { $0.node == PlanNodeIndex(2) }
        #expect(groups.map { "\($0.key): \($0.items.count)" } == ["scale=0: 1"])
        #expect(skips(driver) == ["2:scale=1"], "A group of nothing is skipped")
    }

    @Test func lackingAGatheredDimensionIsRefused() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.gather("mean", 0, over: [.partition]),
            keys: [[sketch.key(("carrier", "AA"))]])
        let refusals = refusals(drive(plan))
        #expect(refusals.map(\.key) == ["carrier=AA"])
        #expect(refusals.allSatisfy { $0.message.contains("'mean'") && $0.message.contains("partition") })
    }

    @Test func aFailedSplitterFailsTheGroupOfItsKey() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.split("by", 0, emits: .data("group")),
            sketch.gather("mean", 1, over: [.data("group")]), keys: [[sketch.part(0), sketch.part(1)]])
        let driver = drive(plan, failing: ["1:partition=0"])
        #expect(skips(driver) == ["2:partition=0"])
        #expect(driver.started.filter { $0.node == PlanNodeIndex(2) }.map(\.key.description) == ["partition=1"])
    }

    @Test func modelsFanOutAndBroadcast() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.source("models"), sketch.union("predict", 0, model: 1),
            keys: [[sketch.part(0), sketch.part(1)], [sketch.variants(("tree", 0)), sketch.variants(("tree", 1))]])
        let driver = drive(plan)
        #expect(
            driver.started.map(\.key.description).sorted() == [
                "partition=0,tree=0", "partition=0,tree=1", "partition=1,tree=0", "partition=1,tree=1",
            ])
        #expect(driver.started.allSatisfy { $0.model != nil })
    }

    @Test func unknownKeyHasNoModel() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.source("models"), sketch.union("predict", 0, model: 1),
            keys: [
                [sketch.key(("carrier", "AA")), sketch.key(("carrier", "ZZ"))],
                [sketch.key(("carrier", "AA")), sketch.key(("carrier", "UA"))],
            ])
        let driver = drive(plan)
        #expect(driver.started.map(\.key.description) == ["carrier=AA"])
        let refusals = refusals(driver)
        #expect(refusals.map(\.key) == ["carrier=ZZ"])
        #expect(refusals.allSatisfy { $0.message.contains("'predict'") && $0.message.contains("ZZ") })
    }

    @Test func failureSkipsDependentsOnly() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("scale", 0), sketch.union("tree", 1, variants: 2), sketch.union("last", 2),
            keys: [[sketch.part(0), sketch.part(1)]])
        let driver = drive(plan, failing: ["1:partition=0", "2:partition=1,tree=0"])
        #expect(
            skips(driver).sorted() == [
                "2:partition=0,tree=0", "2:partition=0,tree=1", "3:partition=0,tree=0", "3:partition=0,tree=1",
                "3:partition=1,tree=0",
            ])
        let causes = driver.notes.compactMap { note in
            if case .skipped(_, _, let key, let cause) = note { "\(key) \(driver.names[cause] ?? "?")" } else { nil }
        }
        #expect(Set(causes.filter { $0.hasPrefix("partition=0") }.map { $0.split(separator: " ")[1] }).count == 1)
        #expect(driver.started.filter { $0.node == PlanNodeIndex(3) }.map(\.key.description) == ["partition=1,tree=1"])
    }

    @Test func deeperFirst() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("scale", 0), sketch.union("tree", 1, variants: 2),
            keys: [(0..<3).map { sketch.part($0) }])
        #expect(
            drive(plan, window: 1).started.map { "\($0.node):\($0.key)" }
                == (0..<3).flatMap { part in
                    ["1:partition=\(part)", "2:partition=\(part),tree=0", "2:partition=\(part),tree=1"]
                })
    }

    @Test func anInputIsReleasedWhenItsLastReaderHasEnded() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("a", 0), sketch.union("b", 0), sketch.join("and", 1, 2), keys: [[.empty]])
        var driver = PlannerDriver(plan)
        driver.next(10)
        driver.end(0)
        #expect(!driver.isReleased("0:", .data), "b still reads it")
        driver.end(0)
        #expect(driver.isReleased("0:", .data))
        driver.next(10)
        #expect(!driver.isReleased("1:", .data) && !driver.isReleased("2:", .data))
        driver.end(0)
        #expect(driver.isReleased("1:", .data) && driver.isReleased("2:", .data))
    }

    @Test func whatNobodyReadsIsReleasedAtOnce() {
        var fit = sketch.union("fit", 0)
        fit.operation = .fit
        let plan = sketch.plan(sketch.source("x"), fit, sketch.union("next", 1), keys: [[.empty]])
        var driver = PlannerDriver(plan)
        driver.next(10)
        driver.end(0)
        #expect(driver.isReleased("1:", .model))
        #expect(!driver.isReleased("1:", .data))
    }

    @Test func aModelIsReleasedWhenNoInputWillJoinIt() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.source("models"), sketch.union("predict", 0, model: 1),
            keys: [[sketch.key(("carrier", "AA"))], [sketch.key(("carrier", "AA")), sketch.key(("carrier", "UA"))]])
        let driver = PlannerDriver(plan)
        #expect(driver.isReleased("1:carrier=UA", .model))
        #expect(!driver.isReleased("1:carrier=AA", .model))
    }

    @Test func progressCounts() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("scale", 0, variants: 5), sketch.union("tree", 1), keys: [[.empty]])
        var driver = PlannerDriver(plan, fates: sketch.fates(failing: ["1:scale=0"]))
        driver.next(2)
        driver.end(0)
        driver.next(1)
        let progress = driver.planner.progress()
        #expect(progress[1] == PlanNodeProgress(planned: 5, isOpen: false, running: 2, failed: 1))
        #expect(progress[2] == PlanNodeProgress(planned: 1, isOpen: true, skipped: 1))
    }

    @Test func anEmptyPlanIsCompletedAtOnce() {
        let plan = sketch.plan(sketch.source("x"), keys: [[.empty]])
        let driver = PlannerDriver(plan)
        #expect(driver.isCompleted)
    }

    private func drive(
        _ plan: Plan, window: Int = 4, parts: Int64 = 2, failing: Set<String> = []
    ) -> PlannerDriver {
        var driver = PlannerDriver(plan, fates: sketch.fates(failing: failing, parts: parts, plan: plan))
        driver.run(window: window)
        driver.checkEnd()
        #expect(driver.violations.isEmpty)
        return driver
    }

    private func ran(_ plan: Plan, _ name: String) -> [String] {
        drive(plan).started.filter { plan.nodes[Int($0.node.rawValue)].name == name }.map(\.key.description)
    }

    private func refusals(_ driver: PlannerDriver) -> [(key: String, message: String)] {
        driver.notes.compactMap { note in
            if case .refused(_, _, let key, let message) = note { (key.description, message) } else { nil }
        }
    }

    private func skips(_ driver: PlannerDriver) -> [String] {
        driver.notes.compactMap { note in
            if case .skipped(_, let node, let key, _) = note { "\(node):\(key)" } else { nil }
        }
    }
}
