/// Elements under small integers, which stay valid until removed and are used again afterwards.
///
/// Empty places hold a vacant element instead of nil, so that a field is read where it lies, without a copy of the whole.
struct Arena<Element: Sendable>: Sendable {
    private let vacant: Element
    private var elements: ContiguousArray<Element> = []
    private var isUsed: [Bool] = []
    private var free: [Int] = []

    init(vacant: Element) { self.vacant = vacant }

    var count: Int { elements.count - free.count }

    /// Places in use, in ascending order.
    var indices: [Int] { elements.indices.filter { isUsed[$0] } }

    mutating func insert(_ element: Element) -> Int {
        if let index = free.popLast() {
            elements[index] = element
            isUsed[index] = true
            return index
        }
        elements.append(element)
        isUsed.append(true)
        return elements.count - 1
    }

    @discardableResult
    mutating func remove(at index: Int) -> Element {
        precondition(contains(index), "place \(index) is empty")
        let element = elements[index]
        elements[index] = vacant
        isUsed[index] = false
        free.append(index)
        return element
    }

    func contains(_ index: Int) -> Bool { elements.indices.contains(index) && isUsed[index] }

    /// Only with an index that `insert` gave and `remove` has not taken.
    subscript(index: Int) -> Element {
        _read { yield elements[index] }
        _modify { yield &elements[index] }
    }
}
