import AnabranchCore

/// Which objects of the store are needed, and by whom.
///
/// An object enters with its first mention and leaves when no graph, session, task, client or reported view needs it;
/// its writer then hears of it, once. Objects that travel inside their references have no region and are not counted.
/// What is to be done collects in order until `takeEffects`.
public struct ObjectCatalog: Hashable, Sendable {
    var objects: [ObjectID: ObjectRecord] = [:]
    var writers: [WriterID: WriterRecord] = [:]
    /// Dead writers of which nothing is left: a late mention of their objects names bytes that are gone.
    var gone = GoneWriters()
    var holdings: [ClientID: [ObjectID: UInt64]] = [:]
    /// Clients that have left and whose processes live on, with what they hold.
    var departed: Set<ClientID> = []
    var views: [WriterID: Set<ObjectID>] = [:]
    var effects: [CatalogEffect] = []

    /// Bytes of all needed objects, by the lengths that their references state: sums may wrap, as peers may state anything.
    public internal(set) var totalBytes: UInt64 = 0
    /// Bytes of all objects that were needed once and are not any more.
    public internal(set) var releasedBytes: UInt64 = 0

    public init() {}

    /// Needed objects.
    public var count: Int { objects.count }

    public func contains(_ id: ObjectID) -> Bool { objects[id] != nil }

    /// The highest sequence of the needed objects in a segment; 0 when it has none. Linear in the number of objects.
    func lastSequence(in segment: UInt32, of writer: WriterID) -> UInt64 {
        var last: UInt64 = 0
        for (id, record) in objects where id.writer == writer && record.segment == segment {
            last = max(last, id.sequence)
        }
        return last
    }

    /// A graph, a session or a task needs `reference`; each call is undone by one `endUse`. Whoever takes references from
    /// a peer asks `mayMention` first.
    public mutating func use(_ reference: ObjectRef) { enter(reference) { $0.uses += 1 } }

    /// Ends one `use` of `reference`.
    public mutating func endUse(_ reference: ObjectRef) {
        guard !reference.isInline else { return }
        endUse(reference.id)
    }

    /// Ends one `use` of the object.
    public mutating func endUse(_ id: ObjectID) { leave(id) { $0.uses -= 1 } }

    /// What has been asked for since the last call, in order.
    public mutating func takeEffects() -> [CatalogEffect] {
        defer { effects.removeAll(keepingCapacity: true) }
        return effects
    }

    mutating func enter(_ reference: ObjectRef, _ count: (inout ObjectRecord) -> Void) {
        guard case .segment(let segment, _) = reference.location else { return }
        if objects[reference.id] == nil {
            precondition(writers[reference.id.writer] != nil, "object \(reference.id) has no known writer")
            objects[reference.id] = ObjectRecord(length: reference.length, segment: segment)
            writers[reference.id.writer]?.objects[segment, default: 0] += 1
            totalBytes &+= reference.length
        }
        count(&objects[reference.id]!)
    }

    mutating func leave(_ id: ObjectID, _ count: (inout ObjectRecord) -> Void) {
        guard let index = objects.index(forKey: id) else {
            preconditionFailure("object \(id) was given back more often than it was taken")
        }
        count(&objects.values[index])
        guard !objects.values[index].isNeeded else { return }
        let record = objects.remove(at: index).value
        totalBytes &-= record.length
        releasedBytes &+= record.length
        forget(id, in: record.segment)
    }
}
