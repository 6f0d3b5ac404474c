import AnabranchCore
import Scheduling

extension [Adversity] {
    /// Often nothing, mostly little, now and then a bad day.
    static func random(for workload: Workload, _ random: inout SplitMix64) -> [Adversity] {
        var steps: [Adversity] = []
        steps.addClients(workload, &random)
        if random.chance(0.15) { return steps }
        steps.addNetwork(workers: workload.workers.count + 3, &random)
        for _ in 0..<random.integer(0...6) { steps.append(.randomProcess(&random)) }
        return steps
    }

    private mutating func addClients(_ workload: Workload, _ random: inout SplitMix64) {
        for run in workload.runs {
            func later() -> UInt64 { run.opensAt.advanced(by: random.microseconds(0...2_000_000)).microseconds }
            if random.chance(0.1) { append(.cancelRun(at: later(), run.id)) }
            if random.chance(0.05) { append(.clientGone(at: later(), run.id)) }
            for task in run.tasks where random.chance(0.03) { append(.cancelTask(at: later(), task.id)) }
        }
    }

    private mutating func addNetwork(workers: Int, _ random: inout SplitMix64) {
        let drop = random.chance(0.5) ? [0.01, 0.05, 0.3][random.integer(0...2)] : 0
        let double = random.chance(0.5) ? [0.02, 0.2][random.integer(0...1)] : 0
        let delay = random.chance(0.5) ? [0.02, 0.2][random.integer(0...1)] : 0
        let overtake = random.chance(0.4) ? 0.3 : 0
        let longest: UInt64 = random.chance(0.3) ? 20_000 : 2_500_000
        if drop + double + delay + overtake == 0 { return }
        for id in 1...UInt64(workers) {
            for link in [Link.down(id), .up(id)] {
                for message in 0..<40 {
                    if random.chance(drop) { append(.drop(link, message: message)) }
                    if random.chance(double) { append(.double(link, message: message)) }
                    if random.chance(delay) {
                        append(.delay(link, message: message, by: random.microseconds(0...longest)))
                    }
                    if random.chance(overtake) { append(.overtake(link, message: message)) }
                }
            }
        }
    }
}

extension Adversity {
    fileprivate static func randomProcess(_ random: inout SplitMix64) -> Adversity {
        let at = random.microseconds(0...heals.microseconds)
        let worker = random.integer(0...5)
        switch random.integer(0...7) {
        case 0, 1, 2:
            return .crash(
                at: at, worker: worker, noticed: random.chance(0.7) ? random.microseconds(0...50_000) : nil,
                returns: random.chance(0.6) ? random.microseconds(0...1_500_000) : nil, sameID: random.chance(0.5))
        case 3: return .freeze(at: at, worker: worker, length: random.microseconds(10_000...3_000_000))
        case 4: return .drain(at: at, worker: worker)
        case 5: return .join(at: at, slots: UInt32(random.integer(1...4)))
        case 6: return .slow(at: at, worker: worker, times: [2, 10][random.integer(0...1)])
        default: return .stall(at: at, length: random.microseconds(100_000...2_000_000))
        }
    }
}
