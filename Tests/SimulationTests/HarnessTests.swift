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
            let simulation = SimulationTests.simulation(seed: seed)
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
