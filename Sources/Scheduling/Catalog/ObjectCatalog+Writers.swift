import AnabranchCore

extension ObjectCatalog {
    /// A writer has started (or is heard of for the first time); its objects may be mentioned from now on.
    public mutating func writerOpened(_ writer: WriterID, owner: ObjectOwner) {
        guard writers[writer] == nil, !gone.contains(writer) else { return }
        writers[writer] = WriterRecord(owner: owner)
    }

    /// A writer's process has ended: its views end, and its segments go as soon as nothing needed stands in them.
    public mutating func writerClosed(_ writer: WriterID) {
        endAllViews(of: writer)
        guard let record = writers[writer], record.isAlive else { return }
        writers[writer]?.isAlive = false
        if case .client(let client) = record.owner, departed.contains(client), liveWriters(of: record.owner).isEmpty {
            departed.remove(client)
            dropHoldings(of: client)
        }
        removeSegments(of: writer)
    }

    /// The store in which these owners' writers wrote is gone, and with it the bytes of their objects.
    mutating func storeEnded(of isOwner: (ObjectOwner) -> Bool) {
        for (id, record) in writers where isOwner(record.owner) { writers[id]?.hasLostBytes = true }
    }

    /// Whether the store in which it wrote is gone.
    func hasLostBytes(of writer: WriterID) -> Bool { writers[writer]?.hasLostBytes == true }

    public func owner(of writer: WriterID) -> ObjectOwner? { writers[writer]?.owner }

    /// Writers of this owner whose process is not known to have ended, in order.
    public func liveWriters(of owner: ObjectOwner) -> [WriterID] { liveWriters { $0 == owner } }

    /// Writers of such owners whose process is not known to have ended, in order.
    func liveWriters(where isWanted: (ObjectOwner) -> Bool) -> [WriterID] {
        writers.filter { $0.value.isAlive && isWanted($0.value.owner) }.map(\.key).sorted()
    }

    /// Whether `owner` may mention this object: it is needed already, or written by a live writer of the owner's that was
    /// not told that it may use the region again.
    public func mayMention(_ reference: ObjectRef, by owner: ObjectOwner) -> Bool {
        if reference.isInline || contains(reference.id) { return true }
        guard let writer = writers[reference.id.writer] else { return false }
        return writer.isAlive && writer.owner == owner && !writer.released.contains(reference.id.sequence)
    }

    /// Whether the writer's process is known to have ended.
    func hasEnded(_ writer: WriterID) -> Bool { gone.contains(writer) || writers[writer]?.isAlive == false }

    mutating func forget(_ id: ObjectID, in segment: UInt32) {
        guard let writer = writers[id.writer] else { return }
        let left = (writer.objects[segment] ?? 1) - 1
        writers[id.writer]?.objects[segment] = left == 0 ? nil : left
        if writer.isAlive {
            effects.append(.release(id, owner: writer.owner))
            writers[id.writer]?.released.insert(id.sequence)
        } else if left == 0 {
            removeSegments(of: id.writer)
        }
    }

    private mutating func removeSegments(of writer: WriterID) {
        guard let record = writers[writer] else { return }
        effects.append(.removeSegments(writer, keeping: record.objects.keys.sorted()))
        if record.objects.isEmpty {
            writers[writer] = nil
            gone.insert(writer)
        }
    }
}
