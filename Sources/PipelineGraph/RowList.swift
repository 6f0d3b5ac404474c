/// Row numbers in ascending order; removed ones stay until half of the list is dead, so that a removal costs a constant.
struct RowList: Sendable {
    private(set) var numbers: [UInt64] = []
    private var dead = 0

    var isEmpty: Bool { numbers.count == dead }

    mutating func append(_ number: UInt64) { numbers.append(number) }

    mutating func markDead() { dead += 1 }

    mutating func compact(isAlive: (UInt64) -> Bool) {
        guard dead > 8, dead * 2 > numbers.count else { return }
        numbers.removeAll { !isAlive($0) }
        dead = 0
    }

    /// The index of the first number above `bound`.
    static func index(in numbers: [UInt64], above bound: UInt64) -> Int {
        var low = 0
        var high = numbers.count
        while low < high {
            let middle = (low + high) / 2
            if numbers[middle] > bound { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
