import AnabranchCore
import PipelineGraph

/// What has happened since the coordinator began: only ever more, whatever runs have been closed.
struct Tallies: Hashable, Sendable {
    /// How a task ended for good.
    enum End: String, CaseIterable, Hashable, Sendable {
        case succeeded, failed, cancelled
        /// Its workers were lost as often as it had attempts.
        case lost
    }

    /// Why a task was tried again.
    enum Retry: String, CaseIterable, Hashable, Sendable {
        case workerLost = "worker_lost"
        case workerSilent = "worker_silent"
        case messageLost = "message_lost"
        case resultLost = "result_lost"
        /// Bytes that it reads were gone, and are made again.
        case inputLost = "input_lost"
        case runtimeKilled = "runtime_killed"
        case storeFull = "store_full"
    }

    private struct Ended: Hashable, Sendable {
        var executor: String
        var end: End
    }

    private var ended: [Ended: UInt64] = [:]
    private(set) var executors: Set<String> = ["python"]
    private(set) var retries: [Retry: UInt64] = [:]
    private(set) var runs: [PipelineGraph.RunState: UInt64] = [:]
    /// Messages that workers dropped, also those that have left.
    private(set) var droppedByWorkers: UInt64 = 0
    /// From sending an attempt to the moment at which its worker read it, where both have one clock.
    private(set) var laneLatency = Histogram(bounds: Self.laneBounds)
    private(set) var compute = Histogram(bounds: Self.computeBounds)

    private static let laneBounds: [UInt64] = [
        50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000,
    ]
    private static let computeBounds: [UInt64] = [
        1_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000, 10_000_000, 60_000_000, 300_000_000,
        1_800_000_000, 7_200_000_000,
    ]
    /// Executors are names that users write; the page does not grow with what they think of.
    private static let mostExecutors = 32

    func count(_ executor: String, _ end: End) -> UInt64 { ended[Ended(executor: executor, end: end)] ?? 0 }

    mutating func taskEnded(_ executor: String, _ end: End) {
        ended[Ended(executor: known(executor), end: end), default: 0] += 1
    }

    mutating func taskRetried(_ cause: Retry) { retries[cause, default: 0] += 1 }

    mutating func runEnded(_ state: PipelineGraph.RunState) { runs[state, default: 0] += 1 }

    mutating func workerDropped(_ messages: UInt64) { droppedByWorkers &+= messages }

    /// - Parameter sharesClock: The worker is on the coordinator's host.
    mutating func answered(_ usage: Usage, sharesClock: Bool) {
        if usage.computeMicroseconds > 0 { compute.record(microseconds: usage.computeMicroseconds) }
        guard sharesClock, usage.receivedMicroseconds >= usage.dispatchedMicroseconds,
            usage.receivedMicroseconds <= usage.arrivedMicroseconds
        else { return }
        laneLatency.record(microseconds: usage.receivedMicroseconds - usage.dispatchedMicroseconds)
    }

    /// The name under which an executor is counted.
    mutating func known(_ executor: String) -> String {
        if executors.contains(executor) { return executor }
        guard executors.count < Self.mostExecutors else { return "other" }
        executors.insert(executor)
        return executor
    }
}

extension Tallies.Retry {
    init(_ cause: AttemptLoss.Cause) {
        self =
            switch cause {
            case .worker: .workerLost
            case .silence: .workerSilent
            case .message: .messageLost
            case .result: .resultLost
            }
    }
}
