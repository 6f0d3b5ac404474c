import AnabranchCore
import Scheduling

/// A worker process: one local queue for all its slots, first come, first served; it never looks past a wide task that waits
/// for slots.
struct SimulatedWorker {
    /// What the coordinator sends down the lane.
    enum Message {
        case run([Attempt])
        case ahead(Attempt, after: Attempt)
        case cancel([Attempt])
        case leave
    }

    let offer: WorkerOffer
    /// Distinguishes a process from its successor under the same id.
    let life: Int
    var queue: [Attempt] = []
    var running: [Attempt] = []
    /// Tasks sent ahead, each with the attempt that it waits for.
    var held: [(attempt: Attempt, predecessor: Attempt)] = []
    /// Attempts that succeeded here.
    var succeeded: Set<Attempt> = []
    var busySlots: UInt32 = 0
    var isFrozen = false
    var isDraining = false
    /// Its tasks take so many times as long as they should.
    var slowness: UInt64 = 1
    /// What came, or fell due, while it was frozen.
    var backlog: [Simulation.Action] = []

    var id: WorkerID { offer.worker }
    var holds: [Attempt] { running + queue + held.map(\.attempt) }

    /// What waited for this attempt, taken out; with what waited for that when it cannot run.
    mutating func release(behind attempt: Attempt, all: Bool) -> [Attempt] {
        let next = held.filter { $0.predecessor == attempt }.map(\.attempt)
        held.removeAll { $0.predecessor == attempt }
        return all ? next + next.flatMap { release(behind: $0, all: true) } : next
    }
}
