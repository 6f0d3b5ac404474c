import AnabranchCore
import Testing

@testable import PipelineGraph

/// What is under way is bounded by the window of running firings, not by the plan.
///
/// Counts are what a debug build gets through in seconds; the full counts run in the benchmarks. Work is measured by
/// counting objects and steps, never by time.
@Suite struct PlannerLazinessTests {
    let sketch = PlanSketch()

    @Test func aMillionTasksAreNotAMillionObjects() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("a", 0, variants: 2), sketch.union("b", 1, variants: 500_000),
            keys: [[.empty]])
        var planner = Planner(plan: plan)
        var notes: [PlannerNote] = []
        var firings: [Firing] = []
        planner.start(notes: &notes)
        planner.next(64, firings: &firings, notes: &notes)
        #expect(firings.count == 2)
        planner.succeeded(firings[0].entry, notes: &notes)
        firings.removeAll()
        planner.next(64, firings: &firings, notes: &notes)
        #expect(firings.count == 64)
        #expect(planner.progress()[2].planned == 500_000)
        #expect(planner.liveCount < 200)
    }

    @Test(arguments: [500, 5_000])
    func liveObjectsAreBoundedByTheWindow(count: UInt32) {
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("a", 0, variants: 2), sketch.union("b", 1, variants: count),
            sketch.union("left", 2), sketch.union("right", 2), sketch.join("and", 3, 4), keys: [[.empty]])
        let drive = drive(plan)
        #expect(drive.firings == 2 + 8 * Int(count))
        #expect(drive.greatestLiveCount < 64 * 8)
    }

    @Test(arguments: [500, 5_000])
    func groupsCompleteOneAfterAnother(count: UInt32) {
        let plan = sketch.plan(
            sketch.source("x"), sketch.split("cv", 0, emits: .fold("cv")), sketch.union("tree", 1, variants: count),
            sketch.gather("mean", 2, over: [.fold("cv")]), keys: [[.empty]])
        let drive = drive(plan, parts: 5)
        #expect(drive.firings == 1 + 6 * Int(count))
        #expect(drive.greatestLiveCount < 64 * 8)
    }

    @Test func aListOfCandidatesIsNotScannedForEachFiring() {
        let candidates = (0..<20_000).map { sketch.variants(("a", Int64($0 % 2)), ("b", Int64($0))) }
        let plan = sketch.plan(
            sketch.source("x"), sketch.union("a", 0, variants: 2), sketch.union("b", 1, variants: 20_000),
            keys: [[.empty]], candidates: candidates)
        let drive = drive(plan)
        #expect(drive.firings == 20_002)
        #expect(drive.greatestLiveCount < 200)
    }

    @Test func modelsTimesInputsAreNotPairedInAdvance() {
        let plan = sketch.plan(
            sketch.source("x"), sketch.source("models"), sketch.union("predict", 0, model: 1),
            keys: [(0..<300).map { sketch.part($0) }, (0..<300).map { sketch.variants(("m", $0)) }])
        let drive = drive(plan, limit: 2_000)
        #expect(drive.firings == 2_000)
        #expect(drive.greatestLiveCount < 300 * 8, "90,000 pairs are not made at once")
    }

    /// Twice the partitions are twice the steps.
    @Test func aGatherOfManyIsLinear() {
        var steps: [Int] = []
        for count in [5_000, 10_000] {
            let plan = sketch.plan(
                sketch.source("x"), sketch.union("scale", 0), sketch.gather("all", 1, over: [.partition]),
                sketch.union("apply", 1, model: 2), keys: [(0..<Int64(count)).map { sketch.part($0) }])
            let drive = drive(plan)
            #expect(drive.firings == 2 * count + 1)
            steps.append(drive.steps)
        }
        #expect(steps[1] < steps[0] * 5 / 2)
    }

    /// A join above a join above a join … asks the same of the same nodes again and again.
    @Test func forkJoinsInARowAreNoExponentialQuestion() {
        var steps: [Int] = []
        for depth in [5, 10] {
            var nodes = [sketch.source("x"), sketch.union("top", 0, variants: 10)]
            for level in 0..<depth {
                let top = UInt32(nodes.count - 1)
                nodes.append(sketch.union("left\(level)", top))
                nodes.append(sketch.union("right\(level)", top))
                nodes.append(sketch.join("join\(level)", top + 1, top + 2))
            }
            nodes.append(sketch.gather("all", UInt32(nodes.count - 1), over: [.variant("top")]))
            let drive = drive(Plan(nodes: nodes, sourceKeys: [PlanNodeIndex(0): [.empty]]))
            #expect(drive.firings == 10 + 30 * depth + 1)
            steps.append(drive.steps)
        }
        #expect(steps[1] < steps[0] * 6)
    }

    /// Each node is fitted on the output of the model before it, and applied to it as well.
    @Test func modelsInARowAreNoExponentialQuestion() {
        var steps: [Int] = []
        for depth in [10, 20] {
            var nodes = [sketch.source("x"), sketch.union("top", 0, variants: 10)]
            for level in 0..<depth {
                let top = UInt32(nodes.count - 1)
                nodes.append(sketch.union("fit\(level)", top))
                nodes.append(sketch.union("apply\(level)", top, model: top + 1))
            }
            let drive = drive(Plan(nodes: nodes, sourceKeys: [PlanNodeIndex(0): [.empty]]))
            #expect(drive.firings == 10 + 20 * depth)
            steps.append(drive.steps)
        }
        #expect(steps[1] < steps[0] * 6)
    }

    @Test func aFailureAtTheTopSkipsAThousandNodesWithoutRecursion() {
        var nodes = [sketch.source("x")]
        for level in 0..<1_000 { nodes.append(sketch.union("n\(level)", UInt32(level))) }
        let plan = Plan(nodes: nodes, sourceKeys: [PlanNodeIndex(0): [.empty]])
        var driver = PlannerDriver(plan, fates: sketch.fates(failing: ["1:"]))
        driver.run()
        driver.checkEnd()
        #expect(driver.violations.isEmpty)
        #expect(driver.happenings.filter { $0.ending == .skipped }.count == 999)
    }

    private struct Drive {
        var firings = 0
        var greatestLiveCount = 0
        var steps = 0
    }

    /// In order, with a window of 64.
    private func drive(_ plan: Plan, parts: Int64 = 2, limit: Int = .max) -> Drive {
        var planner = Planner(plan: plan)
        var notes: [PlannerNote] = []
        var running: [Firing] = []
        var first = 0
        var drive = Drive()
        planner.start(notes: &notes)
        let fates = sketch.fates(parts: parts, plan: plan)
        while drive.firings < limit {
            let before = running.count
            planner.next(min(64 - (running.count - first), limit - drive.firings), firings: &running, notes: &notes)
            drive.firings += running.count - before
            if drive.firings % 8 == 0 { drive.greatestLiveCount = max(drive.greatestLiveCount, planner.liveCount) }
            notes.removeAll(keepingCapacity: true)
            if first == running.count { break }
            let firing = running[first]
            first += 1
            if plan.nodes[Int(firing.node.rawValue)].emits.isEmpty {
                planner.succeeded(firing.entry, notes: &notes)
            } else {
                planner.split(firing.entry, parts: fates.parts(firing.node, firing.key), notes: &notes)
            }
        }
        drive.steps = planner.stepCount
        if limit == .max { #expect(planner.isCompleted) }
        return drive
    }
}
