import AnabranchCore
import HeapModule

/// A run's part in the ready queue.
struct RunQueue: Sendable {
    /// Its ready tasks of one shape.
    struct Share: Sendable {
        let shape: Int
        var ready = 0
        /// Lanes with ready tasks, the best first; those that have become empty since leave when they come up.
        var lanes = Heap<LaneRank>()
        /// Stands in the shape's heap of runs.
        var isRanked = false
    }

    let id: RunID
    /// Slots given to its tasks, at least what had been given to others when it last became ready.
    var served: UInt64 = 0
    var ready = 0
    var shares: [Share] = []
    var lanes: [Int] = []

    init(id: RunID) { self.id = id }

    func share(of shape: Int) -> Int? { shares.firstIndex { $0.shape == shape } }

    /// `clock`: what the run served last had been served.
    mutating func addReady(_ change: Int, shape: Int, clock: UInt64) {
        if ready == 0 { served = max(served, clock) }
        ready += change
        if let index = share(of: shape) {
            shares[index].ready += change
        } else {
            shares.append(Share(shape: shape, ready: change))
        }
    }
}

/// Order of lanes within a run.
struct LaneRank: Hashable, Comparable, Sendable {
    var priority: UInt32
    var magnitude: Int
    var ticket: Int64
    var lane: Int

    /// What runs first is less.
    static func < (left: LaneRank, right: LaneRank) -> Bool {
        if left.priority != right.priority { return left.priority > right.priority }
        if left.magnitude != right.magnitude { return left.magnitude > right.magnitude }
        return left.ticket < right.ticket
    }
}

/// Order of runs within a shape: what was served least is first.
struct RunRank: Hashable, Comparable, Sendable {
    var served: UInt64
    var id: RunID
    var index: Int

    static func < (left: RunRank, right: RunRank) -> Bool { (left.served, left.id) < (right.served, right.id) }
}

/// Ready tasks of one shape, by run.
struct ShapeQueue: Sendable {
    let shape: TaskShape
    /// Cores that its tasks take: as asked, but not more than the largest worker has.
    var cores: UInt32
    /// Whether any worker that takes work offers the executor.
    var isOffered = false
    var ready = 0
    /// Lanes of all runs with tasks of this shape; the place is another's once there is none.
    var lanes = 0
    /// Runs with ready tasks; ranks may lag behind and are put right when they come up.
    var runs = Heap<RunRank>()

    init(shape: TaskShape) {
        self.shape = shape
        cores = shape.cores
    }

    /// Slots that its tasks take of a worker whose slots have so many cores each.
    func width(coresPerSlot: UInt32) -> UInt32 { (cores - 1) / coresPerSlot + 1 }
}
