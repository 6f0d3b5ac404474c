import AnabranchCore

/// What is drawn at random in a schedule. Each place draws from a sequence of its own, so that what is left out of a
/// schedule does not change what is drawn elsewhere.
enum Chance {
    case latency(Link)
    case heartbeat(WorkerID)
    case drainNotice(WorkerID)
    case push(RunID)
    case answer(RunID)
    case polling

    fileprivate var number: UInt64 {
        switch self {
        case .latency(.down(let id)): id << 3
        case .latency(.up(let id)): id << 3 | 1
        case .heartbeat(let id): id.rawValue << 3 | 2
        case .drainNotice(let id): id.rawValue << 3 | 3
        case .push(let id): id.rawValue << 3 | 4
        case .answer(let id): id.rawValue << 3 | 5
        case .polling: 6
        }
    }
}

extension Simulation {
    /// The generator for the `count`th time at this place.
    func chance(_ place: Chance, _ count: Int) -> SplitMix64 {
        var mixed = SplitMix64(seed: seed ^ (place.number &* 0xD129_0FE4_A5C1_73B5) ^ (UInt64(count) << 40))
        return SplitMix64(seed: mixed.next())
    }
}
