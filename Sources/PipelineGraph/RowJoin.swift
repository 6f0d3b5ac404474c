/// An incremental join: rows arrive on sides, and each combination is found once, by the row of it that arrives last.
struct RowJoin: Sendable {
    private(set) var sides: [KeyIndex<JoinRow>]
    private let isProduct: Bool
    private var lastNumber: UInt64 = 0

    /// Walks through the combinations of one row with the rows that had arrived before it. Costs a constant to hold.
    struct Cursor: Sendable {
        let side: Int
        let number: UInt64
        /// The other sides, in the order of the walk.
        let order: [Int]
        fileprivate var groups: [Int]
        fileprivate var positions: [UInt64]
        fileprivate var matched: [CompactKey]
        fileprivate var isPlaced = false
        /// Row numbers of the current combination, by side.
        fileprivate(set) var chosen: [UInt64]
        /// The combination's key; for a product the caller makes it.
        var key: CompactKey
    }

    init(sideCount: Int, isProduct: Bool) {
        sides = Array(repeating: KeyIndex(), count: sideCount)
        self.isProduct = isProduct
    }

    var count: Int { sides.reduce(0) { $0 + $1.count } }

    subscript(side: Int, number: UInt64) -> JoinRow? { sides[side][number] }

    mutating func update<Answer>(side: Int, _ number: UInt64, _ change: (inout JoinRow) -> Answer) -> Answer {
        guard let answer = sides[side].update(number, change) else {
            preconditionFailure("Row \(number) is not on side \(side)")
        }
        return answer
    }

    mutating func insert(_ row: JoinRow, side: Int) -> UInt64 {
        lastNumber += 1
        sides[side].insert(row, number: lastNumber)
        return lastNumber
    }

    mutating func remove(side: Int, _ number: UInt64) { sides[side].remove(number) }

    func cursor(side: Int, _ number: UInt64, key: CompactKey, edgeOrder: [Int]) -> Cursor {
        let order = edgeOrder.filter { $0 != side }
        var chosen = Array(repeating: UInt64(0), count: sides.count)
        chosen[side] = number
        return Cursor(
            side: side, number: number, order: order, groups: Array(repeating: 0, count: order.count),
            positions: Array(repeating: 0, count: order.count), matched: Array(repeating: key, count: order.count),
            chosen: chosen, key: key)
    }

    /// Moves to the next combination, or answers false when there is none.
    mutating func advance(_ cursor: inout Cursor) -> Bool {
        guard sides[cursor.side][cursor.number] != nil else { return false }
        var level = cursor.isPlaced ? cursor.order.count - 1 : 0
        cursor.isPlaced = true
        while level >= 0 {
            guard let key = advance(&cursor, level: level) else {
                level -= 1
                continue
            }
            if level == cursor.order.count - 1 {
                cursor.key = key
                return true
            }
            level += 1
            cursor.groups[level] = 0
            cursor.positions[level] = 0
            cursor.matched[level] = key
        }
        return false
    }

    private mutating func advance(_ cursor: inout Cursor, level: Int) -> CompactKey? {
        let side = cursor.order[level]
        let matched = cursor.matched[level]
        while cursor.groups[level] < sides[side].groupCount {
            let list = sides[side].list(agreeingWith: isProduct ? .empty : matched, group: cursor.groups[level])
            var index = RowList.index(in: list, above: cursor.positions[level])
            while index < list.count, list[index] < cursor.number {
                cursor.positions[level] = list[index]
                if let row = sides[side][list[index]], let key = isProduct ? matched : matched.merged(with: row.key) {
                    cursor.chosen[side] = list[index]
                    return key
                }
                index += 1
            }
            cursor.groups[level] += 1
            cursor.positions[level] = 0
        }
        return nil
    }
}
