import ArgumentParser

struct SchedulesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedules",
        abstract: "Run seeded schedules of the scheduler; tell the shortest form of one that fails.")

    @Option(help: "How many schedules.") var count: UInt64 = 100_000
    @Option(help: "Seed of the first; the others count on from it.") var first: UInt64 = 1
    @Option(help: "Threads.") var jobs = 2
    @Flag(help: "Do not ask that every transition was seen.") var partial = false

    func validate() throws {
        guard count > 0, jobs > 0 else { throw ValidationError("--count and --jobs must be at least 1") }
    }

    func run() throws {
        let bulk = ScheduleBulk(seeds: first..<(first + count), jobs: jobs)
        let outcome = bulk.run()
        for failure in outcome.failures { print(failure) }
        print(outcome.coverage.table.joined(separator: "\n"))
        let gaps = partial ? [] : outcome.coverage.gaps
        for gap in gaps { print("not covered: \(gap)") }
        print("\(outcome.schedules) schedules, \(outcome.failures.count) failed, \(gaps.count) transitions missing")
        if !outcome.failures.isEmpty || !gaps.isEmpty { throw ExitCode.failure }
    }
}
