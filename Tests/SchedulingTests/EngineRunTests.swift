import AnabranchCore
import PipelineGraph
import Testing

@testable import Scheduling

@Suite struct EngineRunTests {
    private let bench = EngineBench()
    private var graphs: EngineGraphs { EngineGraphs(bytes: bench.bytes, writer: WriterID(0xC1)) }

    @Test func aRunGoesToItsEndAndLeavesNothing() throws {
        bench.addWorker()
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit, partitions: 2), by: client))
        bench.work()
        let entries = bench.entries[run] ?? []
        #expect(bench.states[run]?.state == .succeeded)
        #expect(entries.filter { $0.node == NodeIndex(0) && $0.phase == .fit }.count == 2)
        let trees = entries.filter { $0.node == NodeIndex(1) && $0.phase == .fit }
        #expect(trees.count == 4)
        #expect(trees.allSatisfy { $0.state == .succeeded && $0.model != nil && $0.attempts == 1 })
        #expect(Set(trees.map(\.key)).count == 4)
        #expect(trees.allSatisfy { !$0.inputs.isEmpty })
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        bench.expectEmpty()
        #expect(bench.engine.tasks.isEmpty)
    }

    /// An engine that keeps results of its own has to let go of what must outlive it.
    @Test func tasksSayWhatTheirClientHolds() throws {
        bench.addWorker()
        let client = bench.addClient()
        _ = try #require(bench.submit(graphs.diamond(.fit), by: client))
        bench.work()
        let models = bench.sent.filter { $0.node != "vote" }
        #expect(!models.isEmpty && models.allSatisfy { $0.keepsModel && !$0.keepsOutput })
        let votes = bench.sent.filter { $0.node == "vote" }
        #expect(!votes.isEmpty && votes.allSatisfy { $0.keepsOutput && !$0.keepsModel })
    }

    @Test func progressCountsFiringsByNode() throws {
        bench.addWorker()
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit, partitions: 2), by: client))
        bench.work()
        let progress = bench.states[run]?.progress ?? []
        let tree = try #require(progress.first { $0.node == NodeIndex(1) })
        #expect(tree.planned == 4 && tree.succeeded == 4 && tree.failed == 0 && !tree.isOpen)
    }

    /// What waits for a worker does not run, and neither does anything of a run that has ended.
    @Test func statusCountsWhatIsAtWorkersAsRunning() throws {
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit, partitions: 5), by: client))
        #expect(try bench.running(run, client) == 0)
        let worker = try #require(bench.addWorker())
        let sent = bench.queued[worker]?.count ?? 0
        #expect(try sent > 0 && bench.running(run, client) == sent)
        bench.send(.requested(client, request: 4, .cancelRun(run)))
        #expect(try bench.running(run, client) == 0)
        #expect(bench.states[run]?.progress.allSatisfy { $0.running == 0 } == true)
    }

    @Test func aFailingKeySkipsItsDependentsOnly() throws {
        bench.addWorker()
        let client = bench.addClient()
        let failing = Key.empty.setting(.partition, to: 1)
        bench.script = { task in
            guard task.node == "scale", task.key == failing else { return nil }
            return .failure(Failure(kind: .exception, type: "builtins.ValueError", message: "bad rows\nmore"))
        }
        let run = try #require(bench.submit(graphs.line(.fit, partitions: 2), by: client))
        bench.work()
        let entries = bench.entries[run] ?? []
        #expect(bench.states[run]?.state == .failed)
        let failed = try #require(entries.first { $0.state == .failed })
        #expect(failed.failure?.node == "scale" && failed.failure?.key == failing && failed.failure?.attempt == 1)
        let skipped = entries.filter { $0.state == .skipped }
        #expect(skipped.count == 2)
        #expect(
            skipped.allSatisfy {
                $0.failure?.kind == .skipped
                    && $0.failure?.message == "not run: scale (partition=1) failed: builtins.ValueError: bad rows"
            })
        #expect(entries.filter { $0.node == NodeIndex(1) && $0.state == .succeeded }.count == 2)
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        bench.expectEmpty()
    }

    @Test func theFirstErrorStopsARunThatAsksForIt() throws {
        bench.addWorker(slots: 1)
        let client = bench.addClient()
        bench.script = { task in
            task.node == "scale" ? .failure(Failure(kind: .exception, message: "no")) : nil
        }
        let request = graphs.line(.fit, partitions: 9) { $0.onError = .stop }
        let run = try #require(bench.submit(request, by: client))
        bench.work()
        #expect(bench.states[run]?.state == .failed)
        #expect(bench.states[run]?.message == "stopped at the first error, as asked: scale (partition=0): no")
        #expect(bench.entries[run]?.filter { $0.state == .failed }.count == 1)
        #expect(bench.sent.allSatisfy { $0.node == "scale" })
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        bench.expectEmpty()
    }

    @Test func crossValidationNeverFitsTestRows() throws {
        bench.addWorker()
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.diamond(.crossValidate, partitions: 2), by: client))
        bench.work()
        #expect(bench.states[run]?.state == .succeeded)
        var fits = 0
        for task in bench.sent {
            guard case .fit(let work) = task.work else { continue }
            fits += 1
            #expect(!bench.bytes.read(work.train).contains("test"))
        }
        // Two partitions, three folds: a scaler, two trees and a boosting each.
        #expect(fits == 2 * 3 * 4)
        let scores = (bench.entries[run] ?? []).filter { $0.node == NodeIndex(3) && !$0.scores.isEmpty }
        #expect(scores.count == 2 * 3 * 2)
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        #expect(bench.engine.catalog.count == 0)
    }

    @Test func aRunsOwnStepsAreAsPatientAsItsMostPatientNode() throws {
        bench.addWorker()
        let client = bench.addClient()
        var request = graphs.line(.crossValidate)
        request.graph.nodes[1].retries = 2
        var kills = 0
        bench.script = { task in
            guard task.node == "cv", kills < 2 else { return nil }
            kills += 1
            return .failure(Failure(kind: .killed, message: "killed"))
        }
        let run = try #require(bench.submit(request, by: client))
        bench.work()
        #expect(kills == 2)
        #expect(bench.states[run]?.state == .succeeded)
    }

    @Test func cancellingEndsARunAtOnce() throws {
        let worker = try #require(bench.addWorker())
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit, partitions: 5), by: client))
        let sent = bench.queued[worker] ?? []
        #expect(!sent.isEmpty)
        bench.send(.requested(client, request: 3, .cancelRun(run)))
        #expect(bench.states[run]?.state == .cancelled)
        #expect(Set(bench.cancels) == Set(sent.map(\.attempt)))
        #expect(bench.entries[run]?.allSatisfy { $0.state == .cancelled } == true)
        bench.send(.requested(client, request: 4, .closeRun(run)))
        bench.giveBack(client)
        #expect(bench.engine.catalog.count > 0, "arguments are in use until the worker has answered")
        bench.script = { _ in .failure(Failure(kind: .cancelled, message: "cancelled")) }
        bench.work()
        bench.expectEmpty()
    }

    @Test func aRequestThatCannotRunNamesItsNode() throws {
        bench.addWorker()
        let client = bench.addClient()
        var request = graphs.line(.fit)
        request.graph.edges.append(Edge(source: NodeIndex(1), target: NodeIndex(0)))
        #expect(bench.submit(request, by: client) == nil)
        guard case .error(let error) = bench.replies[client]?.last else {
            Issue.record("not refused")
            return
        }
        #expect(error.code == .invalidGraph && error.message.contains("scale"))
        #expect(bench.engine.catalog.count == 0)
    }

    @Test func objectsThatAreGoneAreRefused() throws {
        bench.addWorker()
        let client = bench.addClient()
        var request = graphs.line(.fit)
        request.graph.nodes[1].payload = bench.bytes.write("elsewhere", by: WriterID(0xDEAD))
        #expect(bench.submit(request, by: client) == nil)
        guard case .error(let error) = bench.replies[client]?.last else {
            Issue.record("not refused")
            return
        }
        #expect(error.code == .invalidRequest && error.node == "tree")
        #expect(bench.engine.catalog.count == 0)
    }

    @Test func nativeFunctionsNeedNoPython() throws {
        bench.addWorker(executors: ["native"])
        let client = bench.addClient()
        let cut = Node(
            name: "cut", kind: .or, role: .splitter, nativeFunction: "partition", splits: "part")
        let same = Node(name: "same", kind: .or, role: .native, nativeFunction: "identity")
        let graph = Graph(
            name: "native", nodes: [cut, same], edges: [Edge(source: NodeIndex(0), target: NodeIndex(1))])
        bench.script = { task in
            guard task.node == "cut", case .native(let work) = task.work, let item = work.input?.items[0][0] else {
                return nil
            }
            return .success(
                Success(
                    parts: (0..<3).map { SplitPart(labels: [Key.Part(.data("part"), .integer($0))], train: item) }))
        }
        let inputs = [InputEntry(key: .empty, data: graphs.data("0"))]
        let request = RunRequest(graph: graph, options: RunOptions(mode: .transform), inputs: [NodeIndex(0): inputs])
        let run = try #require(bench.submit(request, by: client))
        bench.work()
        #expect(bench.states[run]?.state == .succeeded)
        #expect(bench.entries[run]?.filter { $0.node == NodeIndex(1) && $0.output != nil }.count == 3)
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        #expect(bench.engine.catalog.count == 0)
    }
}
