import AnabranchCore
import DequeModule

/// Whether a worker gets work.
public enum WorkerStanding: UInt8, Hashable, Sendable {
    /// Gets work. Leaves when its leases lapse, when it is to drain, when it is lost.
    case active
    /// Not heard for a lease; gets nothing, and what it had has gone back to the queue. Leaves when it is heard again
    /// (`active`), when it is to drain (`drainingSilent`), when it is lost.
    case silent
    /// Gets nothing and finishes what it has. Leaves when nothing is left (`released`), when its leases lapse
    /// (`drainingSilent`), when it is lost.
    case draining
    /// Draining, and not heard for a lease. Leaves when it is heard again (`draining`), when it is lost.
    case drainingSilent
    /// Was told that it may go. Leaves when it is lost.
    case released

    /// The shell hears of its silence only once.
    var isHeard: Bool { self == .active || self == .draining }
}

/// A wide task that waits for slots of this worker to come free, and how many it needs.
struct Reservation: Hashable, Sendable {
    var task: TaskID
    var slots: UInt32
}

struct WorkerState: Sendable {
    let id: WorkerID
    var slots: UInt32
    var coresPerSlot: UInt32
    var executors: Set<String>
    var store: StoreID
    var standing = WorkerStanding.active
    /// When any message of it came last.
    var heardAt: Instant
    /// When it last told of a start or an end, or got work while it had none.
    var progressAt: Instant
    /// It gave work back unasked: no more until then, or until its next heartbeat.
    var declinesUntil: Instant?
    var leases: [Attempt: Lease] = [:]
    var heartbeats: UInt64 = 0
    var reservation: Reservation?
    /// Places in the ready queue's shapes that fit this worker.
    var shapes: [Int] = []

    /// Slots of all leases; above `slots` what exceeds them is queued at the worker.
    private(set) var usedSlots: UInt32 = 0
    /// Leases that wait for what they submitted; they are none of the worker's load.
    private(set) var waitingCount = 0
    /// Leases that wait for another attempt of this worker; neither are they.
    private(set) var aheadCount = 0
    /// Slots of leases that are not known to be short.
    private(set) var longSlots: UInt32 = 0
    /// Sum over short leases.
    private(set) var expectedMicroseconds: UInt64 = 0

    /// Messages gathered while events are handled.
    var outgoing: [Attempt] = []
    var cancels: [Attempt] = []
    /// Its place in the scheduler's list of workers that can take more, -1 when it is not there.
    var openPosition = -1
    /// Its place in the list of those with more than their slots hold, -1 when it is not there.
    var overcommittedPosition = -1
    /// What waits at it was found to be little: no need to look again before then, unless it stands still.
    var littleWaitsUntil = Instant(microseconds: 0)
    /// None of its leases could be recalled, and none has become so since.
    var hasNothingToRecall = false

    init(_ offer: WorkerOffer, at now: Instant) {
        id = offer.worker
        slots = max(offer.slots, 1)
        coresPerSlot = max(offer.coresPerSlot, 1)
        executors = offer.executors
        store = offer.store
        heardAt = now
        progressAt = now
    }

    var cores: UInt32 { UInt32(clamping: UInt64(slots) * UInt64(coresPerSlot)) }

    /// Leases that run or wait for a slot.
    private var loadCount: Int { leases.count - waitingCount - aheadCount }

    var freeSlots: UInt32 { usedSlots < slots ? slots - usedSlots : 0 }

    /// Takes new work as far as its standing goes.
    var acceptsWork: Bool { standing == .active && declinesUntil == nil && reservation == nil }

    mutating func add(_ lease: Lease, for attempt: Attempt) {
        leases[attempt] = lease
        hasNothingToRecall = false
        usedSlots += lease.heldSlots
        if let held = lease.heldMicroseconds { expectedMicroseconds += held } else { longSlots += lease.slots }
        if lease.isWaiting { waitingCount += 1 } else if lease.isAhead { aheadCount += 1 }
    }

    mutating func removeLease(_ attempt: Attempt) -> Lease? {
        guard let lease = leases.removeValue(forKey: attempt) else { return nil }
        usedSlots -= lease.heldSlots
        if let held = lease.heldMicroseconds { expectedMicroseconds -= held } else { longSlots -= lease.slots }
        if lease.isWaiting { waitingCount -= 1 } else if lease.isAhead { aheadCount -= 1 }
        return lease
    }

    /// Leases in the order of the worker's queue.
    func leasesInOrder() -> [(attempt: Attempt, lease: Lease)] {
        leases.map { ($0.key, $0.value) }.sorted { $0.lease.sequence < $1.lease.sequence }
    }

    /// Room for a further task that takes `microseconds` behind the slots, which long tasks do not share.
    func hasPrefetchRoom(for microseconds: UInt64, _ configuration: SchedulerConfiguration) -> Bool {
        guard longSlots < slots, loadCount < Int(slots) * (1 + configuration.maxPrefetch) else { return false }
        let budget = (configuration.prefetchMicroseconds + microseconds) * UInt64(slots - longSlots)
        return expectedMicroseconds + microseconds <= budget
    }

    /// Whether refilling is worth a message: a quarter of the queue has drained.
    func wantsPrefetch(_ configuration: SchedulerConfiguration) -> Bool {
        guard longSlots < slots, configuration.maxPrefetch > 0 else { return false }
        let queued = loadCount - min(loadCount, Int(slots))
        return queued * 4 <= configuration.maxPrefetch * Int(slots) * 3
            && expectedMicroseconds * 4 <= configuration.prefetchMicroseconds * UInt64(slots - longSlots) * 3
    }
}
