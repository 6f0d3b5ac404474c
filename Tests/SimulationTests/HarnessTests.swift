import AnabranchCore
import Scheduling
import Testing

@testable import anabranch_stress

/// A check that cannot fail is none: the simulation must notice a scheduler that does wrong, whatever it does.
@Suite struct HarnessTests {
    enum Wrong: CaseIterable {
        case completesTwice, forgetsAnEnd, forgetsACompletion, sendsTwice, asksTwice, failsWhatSucceeded, sendsToAnyone
    }

    @Test(arguments: Wrong.allCases) func aWrongSchedulerIsFound(wrong: Wrong) throws {
        var found = 0
        for seed in UInt64(1)...20 {
            let simulation = Schedule(seed: seed).simulation
            var isDone = false
            simulation.tamper = { effects in
                if !isDone { isDone = Self.tamper(&effects, wrong) }
            }
            guard let failure = simulation.failureOfRun(validating: false) else { continue }
            #expect(failure.seed == seed)
            #expect(!failure.story.isEmpty)
            found += 1
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
            case (.sendsToAnyone, .dispatch(_, let attempts)):
                effects[index] = .dispatch(WorkerID(99), attempts)
            default: continue
            }
            return true
        }
        return false
    }
}
