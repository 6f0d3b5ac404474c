import Dispatch
import Scheduling
import Synchronization

/// Many schedules on several threads.
struct ScheduleBulk {
    struct Outcome {
        var schedules = 0
        /// The shortest form of each that failed, and how.
        var failures: [String] = []
        var coverage = TransitionCoverage()
    }

    var seeds: Range<UInt64>
    var jobs: Int
    /// After so many failures nothing more is learnt from others.
    private static let enough = 3
    /// One of so many is watched for its transitions, which costs as much as to run it does.
    private static let watched: UInt64 = 5

    func run() -> Outcome {
        let total = Mutex(Outcome())
        DispatchQueue.concurrentPerform(iterations: jobs) { job in
            var mine = TransitionCoverage()
            var count = 0
            for seed in stride(from: seeds.lowerBound + UInt64(job), to: seeds.upperBound, by: jobs) {
                if total.withLock({ $0.failures.count >= Self.enough }) { break }
                count += 1
                guard let failure = Self.failure(of: Schedule(seed: seed), &mine) else { continue }
                total.withLock { $0.failures.append(failure) }
            }
            total.withLock { outcome in
                outcome.schedules += count
                outcome.coverage.merge(mine)
            }
        }
        return total.withLock { $0 }
    }

    /// The shortest form of a schedule that fails.
    private static func failure(of schedule: Schedule, _ coverage: inout TransitionCoverage) -> String? {
        let simulation = schedule.simulation
        if schedule.seed.isMultiple(of: watched) {
            coverage.begin()
            simulation.coverage = coverage
        }
        let hasFailed = simulation.failureOfRun() != nil
        coverage = simulation.coverage ?? coverage
        guard hasFailed else { return nil }
        return schedule.shrunk { $0.simulation.failureOfRun() }.map {
            "\($0.failure)\nin its shortest form:\n\($0.schedule)"
        }
            ?? "seed \(schedule.seed) failed once and not again"
    }
}

extension Simulation {
    /// Runs it to its end.
    func failureOfRun(validating: Bool = true) -> SimulationFailure? {
        do {
            try run(validating: validating)
            return nil
        } catch {
            return error as? SimulationFailure ?? failure("\(error)")
        }
    }
}
