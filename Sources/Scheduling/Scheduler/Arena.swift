/// Elements under small integers, which stay valid until removed and are used again afterwards.
struct Arena<Element: Sendable>: Sendable {
    private var elements: ContiguousArray<Element?> = []
    private var free: [Int] = []

    var count: Int { elements.count - free.count }

    /// Places in use, in ascending order.
    var indices: [Int] { elements.indices.filter { elements[$0] != nil } }

    mutating func insert(_ element: Element) -> Int {
        if let index = free.popLast() {
            elements[index] = element
            return index
        }
        elements.append(element)
        return elements.count - 1
    }

    @discardableResult
    mutating func remove(at index: Int) -> Element {
        let element = self[index]
        elements[index] = nil
        free.append(index)
        return element
    }

    func contains(_ index: Int) -> Bool { elements.indices.contains(index) && elements[index] != nil }

    /// Only with an index that `insert` gave and `remove` has not taken.
    subscript(index: Int) -> Element {
        get {
            guard let element = elements[index] else { preconditionFailure("place \(index) is empty") }
            return element
        }
        _modify {
            precondition(elements[index] != nil, "place is empty")
            yield &elements[index]!
        }
    }
}
