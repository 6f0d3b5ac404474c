import AnabranchCore

extension ObjectCatalog {
    /// `holder` reports all objects of which its program has views now; those that it reported before and does not name
    /// any more have ended. Objects that nobody needs are passed over: an argument is in use until its task's result
    /// has been taken, so they cannot be a live task's.
    public mutating func viewsHeld(_ ids: [ObjectID], by holder: WriterID) {
        guard writers[holder]?.isAlive == true, !ids.isEmpty || views[holder] != nil else { return }
        let now = Set(ids)
        let ended = (views[holder] ?? []).subtracting(now)
        viewsAppeared(ids, by: holder)
        if !ended.isEmpty { viewsEnded(ended.sorted(), by: holder) }
    }

    /// `holder` has views of these objects, and perhaps of others.
    public mutating func viewsAppeared(_ ids: [ObjectID], by holder: WriterID) {
        guard writers[holder]?.isAlive == true else { return }
        for id in ids where objects[id] != nil {
            guard views[holder, default: []].insert(id).inserted else { continue }
            objects[id]?.views += 1
        }
    }

    /// `holder`'s views of these objects have ended.
    public mutating func viewsEnded(_ ids: some Sequence<ObjectID>, by holder: WriterID) {
        for id in ids where views[holder]?.remove(id) != nil { leave(id) { $0.views -= 1 } }
        if views[holder]?.isEmpty == true { views[holder] = nil }
    }

    mutating func endAllViews(of holder: WriterID) {
        guard let held = views.removeValue(forKey: holder) else { return }
        for id in held.sorted() { leave(id) { $0.views -= 1 } }
    }
}
