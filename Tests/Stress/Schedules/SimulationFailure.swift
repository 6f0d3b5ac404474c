import AnabranchCore
import Foundation
import Scheduling

/// What a schedule did that it must not: with the seed that repeats it and the story that led there.
struct SimulationFailure: Error, CustomStringConvertible {
    var seed: UInt64
    var message: String
    var story: [String]

    var description: String {
        "seed \(seed): \(message)\n  repeat it with: anabranch-stress schedules --count 1 --partial --first \(seed)\n  "
            + story.suffix(60).joined(separator: "\n  ")
    }
}

/// What went into the scheduler and what came out.
enum StoryLine: Equatable {
    case events(Instant, [SchedulerEvent])
    case effects(Instant, [SchedulerEffect])

    var text: String {
        switch self {
        case .events(let time, let events): "\(time.microseconds) in  \(Self.short(events))"
        case .effects(let time, let effects): "\(time.microseconds) out \(Self.short(effects))"
        }
    }

    /// Whether it tells of more than the passing of time.
    var isNews: Bool {
        guard case .events(_, let events) = self else { return true }
        return !events.allSatisfy(\.isPassingOfTime)
    }

    private static func short(_ values: some Any) -> String {
        var text = "\(values)"
        for noise in ["Scheduling.", "SchedulerEvent", "SchedulerEffect", "AnabranchCore."] {
            text = text.replacingOccurrences(of: noise, with: "")
        }
        return text
    }
}

extension SchedulerEvent {
    /// A heartbeat or a tick.
    var isPassingOfTime: Bool {
        switch self {
        case .heartbeat, .tick: true
        default: false
        }
    }
}
