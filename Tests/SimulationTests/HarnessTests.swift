import AnabranchCore
import Scheduling
import Testing

/// A check that cannot fail is none: the simulation must notice a scheduler that does wrong.
@Suite struct HarnessTests {
    enum Wrong: CaseIterable {
        case completesTwice, forgetsAnEnd, forgetsACompletion, sendsTwice, asksTwice, failsWhatSucceeded
    }

    @Test(arguments: Wrong.allCases) func aWrongSchedulerIsFound(wrong: Wrong) throws {
        var found = 0
        for seed in UInt64(1)...20 {
            let simulation = Schedule(seed: seed).simulation
            var isDone = false
            simulation.tamper = { effects in
                if isDone { return }
                isDone = Self.tamper(&effects, wrong)
            }
            do {
                try simulation.run(validating: false)
            } catch let failure as SimulationFailure {
                #expect(failure.seed == seed)
                #expect(!failure.story.isEmpty)
                found += 1
            }
        }
        #expect(found >= 10, "only \(found) of 20 schedules noticed")
    }

    /// A scheduler that forgets what raised needs no more than one task that does.
    @Test func aFailingScheduleIsToldInItsShortestForm() throws {
        func failure(_ schedule: Schedule) -> SimulationFailure? {
            let simulation = schedule.simulation
            simulation.tamper = { effects in
                effects.removeAll { if case .fail = $0 { true } else { false } }
            }
            do {
                try simulation.run(validating: false)
                return nil
            } catch {
                return error as? SimulationFailure
            }
        }
        let failing = (UInt64(1)...100).lazy.map { Schedule(seed: $0) }.first { $0.size > 20 && failure($0) != nil }
        let schedule = try #require(failing)
        let shortest = try #require(schedule.shrunk(failure: failure)).schedule
        #expect(shortest.workload.runs.count == 1)
        #expect(shortest.workload.runs.first?.tasks.count == 1)
        #expect(shortest.plan.faults.isEmpty)
        #expect(shortest.workload.workers.count == 1)
    }

    /// Whether there was an effect to be wrong about.
    private static func tamper(_ effects: inout [SchedulerEffect], _ wrong: Wrong) -> Bool {
        for (index, effect) in effects.enumerated() {
            switch (wrong, effect) {
            case (.completesTwice, .complete), (.sendsTwice, .dispatch), (.asksTwice, .replenish):
                effects.append(effect)
            case (.forgetsAnEnd, .complete), (.forgetsAnEnd, .fail), (.forgetsACompletion, .complete):
                effects.remove(at: index)
            case (.failsWhatSucceeded, .complete(let task, let attempt)):
                effects[index] = .fail(task, attempt: attempt)
            default: continue
            }
            return true
        }
        return false
    }
}
