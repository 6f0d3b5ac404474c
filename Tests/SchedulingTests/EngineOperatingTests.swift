import AnabranchCore
import PipelineGraph
import Testing

@testable import Scheduling

/// What whoever operates a cluster counts and reads.
@Suite struct EngineOperatingTests {
    private let bench = EngineBench()
    private var graphs: EngineGraphs { EngineGraphs(bytes: bench.bytes, writer: WriterID(0xC1)) }

    /// The number behind this name and these labels.
    private func value(_ sample: String) -> UInt64? {
        let lines = bench.engine.metrics().text.split(separator: "\n")
        let line = lines.first { $0.hasPrefix(sample + " ") }
        return line?.split(separator: " ").last.flatMap { UInt64($0) }
    }

    private var failed: [EndedAttempt] {
        bench.notices.compactMap { if case .attemptFailed(let ended) = $0 { ended } else { nil } }
    }

    private var lost: [EndedAttempt] {
        bench.notices.compactMap { if case .attemptLost(let ended) = $0 { ended } else { nil } }
    }

    private var ended: [EndedRun] {
        bench.notices.compactMap { if case .runEnded(let ended) = $0 { ended } else { nil } }
    }

    @Test func countsOutliveTheRunsThatTheyAreOf() throws {
        let client = bench.addClient()
        let run = try #require(bench.submit(graphs.line(.fit, partitions: 2), by: client))
        #expect(value("anabranch_tasks_queued{executor=\"python\"}") == 1, "a run is asked for as much as slots take")
        #expect(value("anabranch_runs{state=\"running\"}") == 1)
        bench.addWorker(slots: 1)
        #expect(value("anabranch_tasks_running{executor=\"python\"}") == 1)
        #expect(value("anabranch_slots_busy") == 1 && value("anabranch_workers{state=\"active\"}") == 1)
        bench.work()
        bench.send(.requested(client, request: 3, .closeRun(run)))
        bench.giveBack(client)
        let tasks = bench.sent.count
        #expect(tasks > 0)
        #expect(value("anabranch_tasks_total{executor=\"python\",outcome=\"succeeded\"}") == UInt64(tasks))
        #expect(value("anabranch_attempts_sent_total") == UInt64(tasks))
        #expect(
            value("anabranch_runs{state=\"succeeded\"}") == 0 && value("anabranch_runs_total{state=\"succeeded\"}") == 1
        )
        #expect(value("anabranch_store_objects") == 0 && value("anabranch_store_bytes") == 0)
    }

    @Test func retriesAreCountedAndToldByTheirCause() throws {
        let first = try #require(bench.addWorker(slots: 1, instance: 1))
        let client = bench.addClient()
        var graph = graphs.line(.fit)
        graph.graph.nodes[0].retries = 1
        let run = try #require(bench.submit(graph, by: client))
        let task = try #require(bench.queued.removeValue(forKey: first)?.first)
        var killed = bench.answer(task, by: first)
        killed.outcome = .failure(Failure(kind: .killed, message: "signal 9"))
        killed.usage.startedMicroseconds = 5
        bench.report(first, [killed])
        bench.queued[first] = nil
        bench.send(.workerDisconnected(first))
        bench.addWorker(instance: 2)
        bench.work()
        #expect(value("anabranch_task_retries_total{cause=\"runtime_killed\"}") == 1)
        #expect(value("anabranch_task_retries_total{cause=\"worker_lost\"}") == 1)
        #expect(failed.map(\.cause) == ["killed"] && failed.map(\.message) == ["signal 9"])
        #expect(lost.map(\.cause) == ["worker_lost"])
        for told in failed + lost {
            #expect(told.run == run && told.attempt.task == task.attempt.task && told.worker == first)
            #expect(told.node == "scale" && told.isRetried)
        }
        #expect(lost.map(\.attempt.number) == [2])
        #expect(ended.map(\.state) == [.succeeded] && ended.map(\.failed) == [0])
        #expect(ended.first.map { $0.succeeded > 0 } == true)
    }

    @Test func tasksThatEndBadlyAreToldApart() throws {
        let worker = try #require(bench.addWorker(slots: 1))
        let client = bench.addClient()
        bench.script = { _ in .failure(Failure(kind: .exception, message: "no")) }
        let run = try #require(bench.submit(graphs.line(.fit), by: client))
        bench.work()
        #expect(value("anabranch_tasks_total{executor=\"python\",outcome=\"failed\"}") == 1)
        #expect(failed.map(\.isRetried) == [false] && failed.map(\.run) == [run] && failed.map(\.worker) == [worker])
        #expect(ended.map(\.state) == [.failed] && ended.first.map { $0.failed == 1 && $0.skipped > 0 } == true)
        let second = try #require(bench.submit(graphs.line(.fit), by: client))
        bench.send(.requested(client, request: 4, .cancelRun(second)))
        #expect(value("anabranch_tasks_total{executor=\"python\",outcome=\"cancelled\"}") == 1)
        #expect(value("anabranch_runs_total{state=\"cancelled\"}") == 1)
        #expect(ended.last?.message == "the run was cancelled")
    }

    @Test func aTaskThatUsesUpItsWorkersIsLost() throws {
        let client = bench.addClient()
        var graph = graphs.line(.fit)
        graph.options.maxAttempts = 2
        _ = try #require(bench.submit(graph, by: client))
        for instance in UInt64(1)...2 {
            let worker = try #require(bench.addWorker(slots: 1, instance: instance))
            bench.queued[worker] = nil
            bench.send(.workerDisconnected(worker))
        }
        #expect(value("anabranch_tasks_total{executor=\"python\",outcome=\"lost\"}") == 1)
        #expect(value("anabranch_task_retries_total{cause=\"worker_lost\"}") == 1)
        #expect(lost.map(\.isRetried) == [true, false] && failed.isEmpty)
    }

    @Test func latencyIsThatOfOneClock() throws {
        let worker = try #require(bench.addWorker(slots: 1))
        _ = try #require(bench.submit(graphs.line(.fit), by: bench.addClient()))
        let task = try #require(bench.queued.removeValue(forKey: worker)?.first)
        var answer = bench.answer(task, by: worker)
        answer.usage.receivedMicroseconds = bench.now.microseconds + 150
        answer.usage.computeMicroseconds = 2_000_000
        bench.report(worker, [answer])
        #expect(value("anabranch_lane_latency_seconds_bucket{le=\"0.0001\"}") == 0)
        #expect(value("anabranch_lane_latency_seconds_bucket{le=\"0.0002\"}") == 1)
        #expect(value("anabranch_lane_latency_seconds_bucket{le=\"+Inf\"}") == 1)
        #expect(bench.engine.metrics().text.contains("anabranch_lane_latency_seconds_sum 0.00015\n"))
        #expect(value("anabranch_task_seconds_sum") == 2)
        // One whose stamp lies before the sending has another clock.
        bench.work()
        #expect(value("anabranch_lane_latency_seconds_count") == 1)
    }

    @Test func namesThatUsersChooseAreBoundedAndEscaped() {
        var tallies = Tallies()
        for number in 0..<100 { tallies.taskEnded("e\(number)", .failed) }
        #expect(tallies.executors.count == 32 && tallies.count("other", .failed) == 69)
        var family = MetricFamily("a", .gauge, "one\nline \\")
        family.add(1, ("executor", "\"x\"\\\n"))
        #expect(
            MetricsPage([family]).text
                == "# HELP a one\\nline \\\\\n# TYPE a gauge\na{executor=\"\\\"x\\\"\\\\\\n\"} 1\n")
    }

    @Test func whoComesAndGoesIsTold() throws {
        let client = bench.addClient()
        bench.send(.requested(client, request: 2, .openSession(name: "s")))
        bench.send(.clientVanished(client))
        #expect(bench.notices.first == .clientJoined(client, name: "test"))
        #expect(bench.notices.contains(.clientLeft(client, name: "test")))
        #expect(ended.map(\.isSession) == [true] && ended.map(\.state) == [nil])
    }
}
