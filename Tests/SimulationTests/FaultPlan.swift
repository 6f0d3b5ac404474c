import Scheduling

/// What goes wrong in a schedule, and how likely. Times are microseconds.
struct FaultPlan {
    enum Fault {
        /// kill -9. The coordinator hears of it after `noticed`, or never (then leases lapse); a successor comes under
        /// the same id or a new one.
        case crash(noticed: UInt64?, returns: UInt64?, sameID: Bool)
        /// SIGSTOP, and SIGCONT after this time.
        case freeze(UInt64)
        /// SIGTERM.
        case drain
        case join(slots: UInt32)
    }

    var drop = 0.0
    var double = 0.0
    var late = 0.0
    var reorder = 0.0
    var longestDelay: UInt64 = 200
    /// What happens when, to some worker that lives then.
    var faults: [(at: Instant, fault: Fault)] = []
    /// From then on the network and the processes behave.
    var heals = Instant(microseconds: 3_000_000)

    static let none = FaultPlan()

    var isQuiet: Bool { faults.isEmpty && drop == 0 && double == 0 && late == 0 && reorder == 0 }

    static func random(_ random: inout SplitMix64) -> FaultPlan {
        var plan = FaultPlan()
        if random.chance(0.15) { return plan }
        if random.chance(0.5) { plan.drop = [0.01, 0.05, 0.3][random.integer(0...2)] }
        if random.chance(0.5) { plan.double = [0.02, 0.2][random.integer(0...1)] }
        if random.chance(0.5) { plan.late = [0.02, 0.2][random.integer(0...1)] }
        if random.chance(0.4) { plan.reorder = 0.3 }
        if random.chance(0.3) { plan.longestDelay = 20_000 }
        for _ in 0..<random.integer(0...6) {
            let at = Instant(microseconds: random.microseconds(0...plan.heals.microseconds))
            plan.faults.append((at, .random(&random)))
        }
        return plan
    }
}

extension FaultPlan.Fault {
    static func random(_ random: inout SplitMix64) -> Self {
        switch random.integer(0...4) {
        case 0, 1:
            return .crash(
                noticed: random.chance(0.7) ? random.microseconds(0...50_000) : nil,
                returns: random.chance(0.6) ? random.microseconds(0...1_500_000) : nil, sameID: random.chance(0.5))
        case 2: return .freeze(random.microseconds(10_000...3_000_000))
        case 3: return .drain
        default: return .join(slots: UInt32(random.integer(1...4)))
        }
    }
}
