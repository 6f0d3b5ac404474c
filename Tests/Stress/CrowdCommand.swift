import ArgumentParser
import Coordinator
import Foundation
import Logging
import Wire

/// What a task costs the coordinator, by the number of its workers and by what its sockets are.
struct CrowdCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crowd", abstract: "Tasks over crowds of simulated workers: what each costs the coordinator.")

    @Option(help: "Sizes of the crowd, apart by commas.") var workers = "1,20,200"
    @Option(help: "Tasks per size.") var tasks = 20_000
    @Option(help: "ipc, tcp, curve.") var over = "ipc,tcp,curve"
    @Option(help: "Fail when a task costs the largest crowd more than this many times what it costs the smallest.")
    var limit = 0.0
    @Option(
        help: """
            Fail when the scheduler looks at more attempts per task than this, or sends more per task than twice: what \
            no clock tells.
            """)
    var inspections = 0.0

    func validate() throws {
        guard tasks > 0 else { throw ValidationError("--tasks must be at least 1") }
        if sizes.isEmpty { throw ValidationError("--workers: write numbers, apart by commas") }
        for name in over.split(separator: ",") where !["ipc", "tcp", "curve"].contains(name) {
            throw ValidationError("--over: there is no '\(name)'")
        }
    }

    private var sizes: [Int] { workers.split(separator: ",").compactMap { Int($0) }.filter { $0 > 0 } }

    func run() throws {
        let root = "/tmp/anabranch-crowd-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }
        let keys = try KeyDirectory(making: "\(root)/keys")
        _ = try keys.addCoordinator() + keys.addPeer("client")
        var isOver = false
        for transport in over.split(separator: ",") {
            let costs = try sizes.map { try cost(of: $0, over: String(transport), root: root, &isOver) }
            if limit > 0, let first = costs.first, let last = costs.last, last > limit * first { isOver = true }
        }
        if isOver {
            print("FAILED: over --limit or --inspections")
            throw ExitCode.failure
        }
    }

    /// Microseconds of the coordinator's own thread per task.
    ///
    /// - Parameter isOver: Becomes true when the scheduler did more for it than it may.
    private func cost(of size: Int, over transport: String, root: String, _ isOver: inout Bool) throws -> Double {
        var configuration = CoordinatorConfiguration(version: "crowd", storeRoot: root, storeBudget: 16 << 20)
        configuration.logger.logLevel = .error
        configuration.drainMilliseconds = 0
        var keys: ClientKeys?
        if transport != "ipc" { configuration.control = "tcp://127.0.0.1:*" }
        if transport == "curve" {
            configuration.keys = try ServerKeys(ownPath: "\(root)/keys/coordinator.key", allowedPath: nil)
            keys = try ClientKeys(ownPath: "\(root)/keys/client.key", serverPath: nil)
        }
        let coordinator = try TimedCoordinator(configuration)
        var hasEnded = false
        defer { if !hasEnded { coordinator.end() } }
        let client = try CrowdClient(coordinator.address, version: "crowd", keys: keys)
        let crowd = try Crowd(size, address: coordinator.address, store: client.welcome, keys: keys)
        let first = min(tasks, 2_000)
        try client.call(first)
        let (before, began) = (coordinator.cpuSeconds, Date())
        try client.call(tasks)
        let (cpu, wall) = (coordinator.cpuSeconds - before, Date().timeIntervalSince(began))
        let answered = try crowd.end()
        hasEnded = true
        coordinator.end()
        let all = Double(first + tasks)
        let inspected = Double(coordinator.counters.inspected) / all
        let sent = Double(coordinator.counters.dispatched) / all
        if inspections > 0, inspected > inspections || sent > 2 { isOver = true }
        let cost = cpu / Double(tasks) * 1e6
        print(
            "\(transport) \(size) workers: \(String(format: "%.1f", cost)) us of the coordinator's thread per task, "
                + "\(String(format: "%.2f", inspected)) inspections, \(String(format: "%.2f", sent)) sendings, "
                + "\(Int(Double(tasks) / wall)) tasks/s, \(answered.min() ?? 0) to \(answered.max() ?? 0) per worker")
        return cost
    }
}
