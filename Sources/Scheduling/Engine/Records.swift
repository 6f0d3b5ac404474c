/// Large records by id, in the order in which they came.
///
/// A dictionary gives out a copy of the whole record for each word that is read of it, and moves it out and back for each that
/// is written; here it is used where it stands.
struct Records<ID: Hashable & Sendable, Record: Sendable>: Sendable {
    private var places: [ID: Int] = [:]
    private var ids: ContiguousArray<ID> = []
    /// Those that have been removed leave gaps until most are gaps.
    private var slots: ContiguousArray<Record?> = []

    var count: Int { places.count }
    var isEmpty: Bool { places.isEmpty }
    var keys: [ID] { slots.indices.filter { slots[$0] != nil }.map { ids[$0] } }
    var values: some Sequence<Record> { slots.lazy.compactMap(\.self) }

    func contains(_ id: ID) -> Bool { places[id] != nil }

    subscript(id: ID) -> Record? {
        _read {
            if let place = places[id] { yield slots[place] } else { yield nil }
        }
        _modify {
            if let place = places[id] {
                yield &slots[place]
                if slots[place] == nil { leave(id) }
            } else {
                var new: Record?
                yield &new
                if let new { enter(new, id) }
            }
        }
    }

    mutating func removeValue(forKey id: ID) -> Record? {
        guard let place = places[id] else { return nil }
        defer { leave(id) }
        return slots[place].take()
    }

    private mutating func enter(_ record: Record, _ id: ID) {
        places[id] = slots.count
        ids.append(id)
        slots.append(record)
    }

    /// Its slot is empty.
    private mutating func leave(_ id: ID) {
        places[id] = nil
        guard places.count < slots.count / 2 else { return }
        ids = ContiguousArray(keys)
        slots.removeAll { $0 == nil }
        for (place, id) in ids.enumerated() { places[id] = place }
    }
}
