import AnabranchCore
import PipelineGraph
import Testing

@testable import Presentation

@Suite struct TopScreenTests {
    private func status(finished: UInt64 = 0, waiting: String = "", epoch: UInt64 = 7) -> Status {
        let worker = WorkerStatus(
            worker: WorkerID(1), host: "node\u{1B}[31m", processID: 42, slots: 4, running: 6, state: .active,
            finished: finished, labels: ["zone=a"])
        let gone = WorkerStatus(
            worker: WorkerID(2), host: "other", processID: 43, slots: 4, running: 0, state: .lost, finished: 3)
        let progress = NodeProgress(
            node: NodeIndex(0), planned: 10, isOpen: true, running: 2, succeeded: 4, failed: 1, skipped: 0)
        let running = RunStatus(
            run: RunID(5), name: "late flights", state: .running, progress: [progress], nodes: ["scale"],
            elapsedMilliseconds: 12_340, waiting: waiting)
        let ended = RunStatus(run: RunID(4), name: "before", state: .succeeded)
        return Status(
            epoch: Epoch(epoch), workers: [worker, gone], runs: [ended, running], storeBytes: 512 << 20,
            storeBudget: 2048 << 20, objects: 1, version: "1.0", queued: 120,
            storeHolders: [StoreHolder(name: "run 5, scale", bytes: 400 << 20)])
    }

    @Test func everythingIsToldInOneSnapshot() {
        let lines = TopScreen(StatusReport(status(waiting: "for a store")), address: "tcp://here:1").lines
        let text = lines.joined(separator: "\n")
        for part in [
            "anabranch 1.0   tcp://here:1", "1 active, 1 lost   slots 4/4 busy", "120 queued   6 with workers",
            "[#####---------------] 512 of 2048 MiB   1 object   most: run 5, scale (400 MiB)",
            "[#####-----] 4/10+, 1 not", "waits: for a store", "scale: 4/10+, 2 running, 1 failed",
        ] { #expect(text.contains(part), "\(part) is missing in\n\(text)") }
        // What a peer calls itself does not steer the terminal.
        #expect(!text.contains("\u{1B}") && text.contains("node\u{FFFD}[31m:42  zone=a"))
        #expect(text.range(of: "late flights")!.lowerBound < text.range(of: "before")!.lowerBound)
    }

    @Test(arguments: [(80, 24), (40, 10), (20, 5), (10, 2), (1, 1)])
    func aScreenIsNeverExceeded(columns: Int, rows: Int) {
        let screen = TopScreen(StatusReport(status(waiting: "for 工 store")), address: "tcp://here:1")
        let lines = screen.lines(columns: columns, rows: rows)
        #expect(lines.count == rows)
        #expect(lines.allSatisfy { Cells.width($0) <= columns })
    }

    @Test func whatHasNoRoomIsCounted() {
        var many = status()
        many.workers = (1...50).map {
            WorkerStatus(
                worker: WorkerID($0), host: "h", processID: 1, slots: 1, running: 0, state: .active, finished: 0)
        }
        let lines = TopScreen(StatusReport(many), address: "a").lines(columns: 80, rows: 24)
        #expect(lines.contains { $0.hasPrefix("  … ") && $0.hasSuffix("more workers") })
        #expect(lines.contains { $0.contains("late flights") }, "workers leave runs their half")
    }

    @Test func troubleStandsWhereItIsSeen() {
        let screen = TopScreen(StatusReport(status()), address: "a", trouble: "nobody answers")
        #expect(screen.lines(columns: 80, rows: 24).last == "no news: nobody answers")
    }

    @Test func ratesComeFromTwoStatusesOfOneCoordinator() {
        var rates = Rates()
        #expect(rates.report(status(finished: 10), atSeconds: 1, time: "t").tasksPerSecond == nil)
        let second = rates.report(status(finished: 35), atSeconds: 3, time: "t")
        #expect(second.tasksPerSecond == 12.5)
        #expect(second.workers.map(\.tasksPerSecond) == [12.5, 0])
        #expect(rates.report(status(finished: 5), atSeconds: 4, time: "t").tasksPerSecond == 0, "never below nothing")
        #expect(rates.report(status(finished: 50, epoch: 8), atSeconds: 5, time: "t").tasksPerSecond == nil)
    }

    @Test func aSnapshotIsOneLineOfJSON() throws {
        var rates = Rates()
        _ = rates.report(status(), atSeconds: 1, time: "t")
        let text = try rates.report(status(finished: 4), atSeconds: 2, time: "now").json(onOneLine: true)
        #expect(!text.contains("\n") && text.contains("\"tasks_per_second\":4") && text.contains("\"time\":\"now\""))
    }
}
