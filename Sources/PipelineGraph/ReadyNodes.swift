/// Which plan nodes have ready work; the deepest comes first, among equals the one that stands first in the plan.
struct ReadyNodes: Sendable {
    private let ranks: [Int]
    private let nodes: [Int]
    private var words: [UInt64]

    init(depths: [Int]) {
        let nodes = depths.indices.sorted { depths[$0] == depths[$1] ? $0 < $1 : depths[$0] > depths[$1] }
        var ranks = Array(repeating: 0, count: depths.count)
        for (rank, node) in nodes.enumerated() { ranks[node] = rank }
        self.nodes = nodes
        self.ranks = ranks
        words = Array(repeating: 0, count: (depths.count + 63) / 64)
    }

    var first: Int? {
        for (index, word) in words.enumerated() where word != 0 {
            return nodes[index * 64 + word.trailingZeroBitCount]
        }
        return nil
    }

    mutating func set(_ node: Int, isReady: Bool) {
        let rank = ranks[node]
        if isReady { words[rank / 64] |= 1 << UInt64(rank % 64) } else { words[rank / 64] &= ~(1 << UInt64(rank % 64)) }
    }
}
