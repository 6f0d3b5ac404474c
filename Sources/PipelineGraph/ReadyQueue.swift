import HeapModule

/// Ready work, in an order that finishes keys before it opens new ones.
///
/// Work is ordered by its key: label by label, dimension by dimension, in the order in which the plan makes them. A key
/// that lacks a dimension comes before those that have it (others wait for it), and of equal keys the deeper node's
/// comes first. A dimension that is gathered below a node does not count there, so that a group's members come together
/// instead of all groups staying open to the end.
struct ReadyQueue: Sendable {
    enum Work: Sendable {
        /// A number in `Planner.cursors`.
        case firings(Int)
        /// A number in `Planner.combinations`.
        case combinations(Int)
    }

    private struct Item: Comparable, Sendable {
        /// Per dimension the plan's place of it, inverted, and the label: so compared, a lacking dimension is the least.
        var rank: [UInt64]
        let depth: Int
        let sequence: UInt64
        let work: Work

        static func == (left: Item, right: Item) -> Bool { left.sequence == right.sequence }

        static func < (left: Item, right: Item) -> Bool {
            let shared = min(left.rank.count, right.rank.count)
            for index in 0..<shared where left.rank[index] != right.rank[index] {
                return left.rank[index] < right.rank[index]
            }
            if left.rank.count != right.rank.count { return left.rank.count < right.rank.count }
            if left.depth != right.depth { return left.depth > right.depth }
            return left.sequence < right.sequence
        }
    }

    private let order: [[PlanTopology.RankedDimension]]
    private var heap = Heap<Item>()
    private var lastSequence: UInt64 = 0

    init(order: [[PlanTopology.RankedDimension]]) { self.order = order }

    var isEmpty: Bool { heap.isEmpty }

    var first: Work? { heap.min?.work }

    /// `label` is the next one of the node's own variants, if the key does not have it yet.
    mutating func insert(_ work: Work, of node: PlannedNode, key: CompactKey, label: UInt32? = nil) {
        lastSequence += 1
        heap.insert(
            Item(
                rank: rank(node, key, label), depth: node.depth, sequence: lastSequence, work: work))
    }

    mutating func removeFirst() { heap.removeMin() }

    /// The first work has come to its next label.
    mutating func moveFirst(of node: PlannedNode, key: CompactKey, label: UInt32) {
        guard var item = heap.min else { return }
        item.rank = rank(node, key, label)
        heap.replaceMin(with: item)
    }

    private func rank(_ node: PlannedNode, _ key: CompactKey, _ label: UInt32?) -> [UInt64] {
        var rank: [UInt64] = []
        rank.reserveCapacity(key.parts.count + 1)
        for ranked in order[node.index] {
            let next = ranked.dimension == node.variant?.dimension ? label : nil
            if let label = key.label(at: ranked.dimension) ?? next {
                rank.append(UInt64(UInt32.max - ranked.place) << 32 | UInt64(label))
            }
        }
        return rank
    }
}
