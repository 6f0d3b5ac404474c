import AnabranchCore
import DequeModule

/// Tasks that have not ended, by id.
///
/// Ids count up, and tasks that are near in number are near in time. So states stand in pages by number: finding one takes no
/// hash, and neighbours share cache lines. Memory follows the live tasks, and the distance between the oldest and the
/// newest of them by a few bytes per page.
struct TaskTable: Sendable {
    private struct Page: Sendable {
        var states: ContiguousArray<TaskState?> = []
        var used = 0
    }

    private static let pageBits: UInt64 = 7

    private var pages: Deque<Page> = []
    /// Number of the first page.
    private var first: UInt64 = 0
    private(set) var count = 0

    /// In ascending order; linear in the range of ids.
    var ids: [TaskID] {
        var found: [TaskID] = []
        found.reserveCapacity(count)
        for (number, page) in zip(first..., pages) where page.used > 0 {
            for slot in page.states.indices {
                if case .some = page.states[slot] { found.append(TaskID(number << Self.pageBits + UInt64(slot))) }
            }
        }
        return found
    }

    /// Nil for any id that is not a live task's.
    subscript(id: TaskID) -> TaskState? {
        get {
            guard let page = page(of: id), pages[page].used > 0 else { return nil }
            return pages[page].states[slot(of: id)]
        }
        set {
            if let newValue { insert(newValue, for: id) } else { removeValue(forKey: id) }
        }
    }

    /// Changes a live task in place; other ids are passed over.
    mutating func update(_ id: TaskID, _ change: (inout TaskState) -> Void) {
        guard let page = page(of: id), pages[page].used > 0, pages[page].states[slot(of: id)] != nil else { return }
        change(&pages[page].states[slot(of: id)]!)
    }

    @discardableResult
    mutating func removeValue(forKey id: TaskID) -> TaskState? {
        guard let page = page(of: id), pages[page].used > 0, let state = pages[page].states[slot(of: id)] else {
            return nil
        }
        pages[page].states[slot(of: id)] = nil
        pages[page].used -= 1
        count -= 1
        if pages[page].used == 0 { clear(page) }
        return state
    }

    /// Gives up an empty page, but not the last one: the next tasks come into it.
    private mutating func clear(_ page: Int) {
        if page < pages.count - 1 { pages[page].states = [] }
        while pages.count > 1, let front = pages.first, front.used == 0 {
            pages.removeFirst()
            first += 1
        }
    }

    private mutating func insert(_ state: TaskState, for id: TaskID) {
        let number = id.rawValue >> Self.pageBits
        if count == 0, page(of: id) == nil { pages.removeAll(keepingCapacity: true) }
        if pages.isEmpty { first = number }
        while number < first {
            pages.prepend(Page())
            first -= 1
        }
        while number >= first + UInt64(pages.count) {
            pages.append(Page())
            if pages.count > 1, pages[pages.count - 2].used == 0 { clear(pages.count - 2) }
        }
        let page = Int(number - first)
        if pages[page].states.isEmpty {
            pages[page].states = ContiguousArray(repeating: nil, count: 1 << Self.pageBits)
        }
        if pages[page].states[slot(of: id)] == nil {
            pages[page].used += 1
            count += 1
        }
        pages[page].states[slot(of: id)] = state
    }

    private func page(of id: TaskID) -> Int? {
        let number = id.rawValue >> Self.pageBits
        guard number >= first, number - first < UInt64(pages.count) else { return nil }
        return Int(number - first)
    }

    private func slot(of id: TaskID) -> Int { Int(id.rawValue & ((1 << Self.pageBits) - 1)) }
}
