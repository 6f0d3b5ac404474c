import AnabranchCore
import DequeModule

/// Tasks of one run, class, shape and priority, first come, first served.
struct ReadyLane: Sendable {
    struct Entry: Hashable, Sendable {
        var task: TaskID
        var ticket: Int64
    }

    let key: ReadyQueue.LaneKey
    let classIndex: Int
    /// The first one is never withdrawn.
    var entries: Deque<Entry> = []
    /// Tickets of entries that were taken out of the middle.
    private(set) var withdrawn: Set<Int64> = []
    /// Stands in its run's heap of lanes.
    var isRanked = false

    init(key: ReadyQueue.LaneKey, classIndex: Int) {
        self.key = key
        self.classIndex = classIndex
    }

    var count: Int { entries.count - withdrawn.count }
    var isEmpty: Bool { entries.isEmpty }

    /// Tasks that wait, in order.
    var tasks: [TaskID] { entries.filter { !withdrawn.contains($0.ticket) }.map(\.task) }

    mutating func popFirst() -> Entry? {
        let entry = entries.popFirst()
        trim()
        return entry
    }

    /// The room of withdrawn entries is given back when they are half of the lane.
    mutating func withdraw(_ ticket: Int64) {
        withdrawn.insert(ticket)
        trim()
        if withdrawn.count * 2 > entries.count {
            entries.removeAll { withdrawn.contains($0.ticket) }
            withdrawn.removeAll()
        }
    }

    private mutating func trim() {
        while !withdrawn.isEmpty, let first = entries.first, withdrawn.remove(first.ticket) != nil {
            entries.removeFirst()
        }
    }
}
