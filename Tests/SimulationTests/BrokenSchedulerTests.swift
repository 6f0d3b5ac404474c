import AnabranchCore
import Testing

@testable import Scheduling
@testable import anabranch_stress

/// Schedulers that are wrong inside: found by what they do, and told in a schedule of a few lines.
@Suite struct BrokenSchedulerTests {
    enum Fault: CaseIterable {
        /// Takes a result of a task that has ended for another.
        case countsASecondResult
        /// Attempts on a worker that is lost are not sent again.
        case forgetsALease
        /// A slot counts as free while its task runs.
        case handsASlotOutTwice
        /// A run that had nothing ready is not asked again.
        case neverAsksAgain
        /// A failed attempt is tried again though its failure is final.
        case forgetsAFailure
        /// Wide tasks stay reserved for a worker that drains.
        case keepsAReservation
        /// What was sent ahead counts though what it waits for has not.
        case admitsBeforeTheTime
        /// Nobody hears of what was sent ahead for nothing.
        case forgetsWhatItSentAhead
    }

    /// Runs the schedule under a scheduler with this fault.
    private static func failure(_ schedule: Schedule, _ fault: Fault) -> SimulationFailure? {
        let simulation = schedule.simulation
        switch fault {
        case .countsASecondResult:
            // What would be dropped as late counts again.
            simulation.tamper = { effects in
                for (index, effect) in effects.enumerated() {
                    if case .dropped(_, let attempt) = effect {
                        effects[index] = .complete(attempt.task, attempt: attempt.number)
                    }
                }
            }
        case .forgetsALease:
            simulation.meddle = { scheduler in
                for index in scheduler.workers.indices {
                    for (attempt, lease) in scheduler.workers[index].leases where lease.phase == .lapsed {
                        _ = scheduler.removeLease(attempt, from: index)
                        // As if it were with nobody, and nobody's turn.
                        if case .queued(let ticket) = scheduler.tasks[attempt.task]?.stage,
                            let lane = scheduler.tasks[attempt.task]?.lane
                        {
                            scheduler.queue.withdraw(lane: lane, ticket: ticket)
                            scheduler.tasks.update(attempt.task) { $0.stage = .lost }
                        }
                    }
                }
            }
        case .handsASlotOutTwice:
            simulation.meddle = { scheduler in
                for index in scheduler.workers.indices where scheduler.workers[index].slots == 1 {
                    scheduler.workers[index].slots = 2
                    scheduler.updateOpen(index)
                }
            }
        case .neverAsksAgain:
            simulation.meddle = { scheduler in
                for index in scheduler.runs.indices where scheduler.runs[index].supply == .dry {
                    scheduler.runs[index].supply = .asked
                }
            }
        case .forgetsAFailure:
            simulation.tamper = { effects in effects.removeAll { if case .fail = $0 { true } else { false } } }
        case .keepsAReservation:
            simulation.meddle = { scheduler in scheduler.reserving = [] }
        case .admitsBeforeTheTime:
            simulation.meddle = { scheduler in
                for chain in scheduler.chains.values {
                    for task in chain.tasks.dropFirst() {
                        scheduler.tasks.update(task) { $0.stage = .running(chain.worker, number: 1) }
                    }
                }
                scheduler.chains = [:]
                scheduler.chainOf = [:]
            }
        case .forgetsWhatItSentAhead:
            simulation.tamper = { effects in effects.removeAll { if case .withdrawn = $0 { true } else { false } } }
        }
        return simulation.failureOfRun(validating: false)
    }

    @Test(arguments: Fault.allCases) func itIsFoundAndToldInItsShortestForm(fault: Fault) throws {
        let failing = (UInt64(1)...1000).lazy.map { Schedule(seed: $0) }.first {
            (15...40).contains($0.size) && Self.failure($0, fault) != nil
        }
        let schedule = try #require(failing, "no schedule noticed")
        let shortest = try #require(schedule.shrunk(attempts: 1_000) { Self.failure($0, fault) }).schedule
        #expect(shortest.size <= 8, "of \(schedule.size) there were left:\n\(shortest)")
        #expect(shortest.size < schedule.size)
        // What is left fails each time, and not under the scheduler as it is.
        #expect(Self.failure(shortest, fault) != nil)
        #expect(shortest.simulation.failureOfRun() == nil)
    }

    @Test func theShortestFormIsSwift() throws {
        let schedule = Schedule(
            seed: 3,
            workload: Workload(
                runs: [.session(1, [.task(1, 30, cores: 2, script: .kills(times: 2), after: [])])],
                workers: [.offer(1, slots: 2, ["native", "python"])]),
            steps: [.drop(.down(1), message: 0), .crash(at: 5, worker: 0, noticed: nil, returns: 7, sameID: true)])
        let text = schedule.description
        #expect(text.contains(".task(1, 30, cores: 2, script: .kills(times: 2)),"))
        #expect(text.contains(".offer(1, slots: 2, [\"native\", \"python\"]),"))
        #expect(text.contains(".drop(.down(1), message: 0),"))
        #expect(text.contains(".crash(at: 5, worker: 0, noticed: nil, returns: 7, sameID: true),"))
    }

    @Test func theFewestAreFound() {
        let kept = fewest(Array(0..<100)) { Set($0).isSuperset(of: [3, 50, 51, 97]) }
        #expect(kept == [3, 50, 51, 97])
        #expect(fewest([1, 2, 3]) { _ in true } == [])
    }
}
