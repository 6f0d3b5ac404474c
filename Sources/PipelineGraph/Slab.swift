/// Values by small numbers that are used again after removal.
struct Slab<Value: Sendable>: Sendable {
    private var values: [Value?] = []
    private var free: [Int] = []

    var count: Int { values.count - free.count }

    mutating func insert(_ value: Value) -> Int {
        if let number = free.popLast() {
            values[number] = value
            return number
        }
        values.append(value)
        return values.count - 1
    }

    mutating func remove(_ number: Int) {
        values[number] = nil
        free.append(number)
    }

    /// The number must be in use.
    subscript(number: Int) -> Value {
        _read {
            guard values[number] != nil else { preconditionFailure("Slab number \(number) is not in use") }
            yield values[number]!
        }
        _modify {
            guard values[number] != nil else { preconditionFailure("Slab number \(number) is not in use") }
            yield &values[number]!
        }
    }
}
