import AnabranchCore

/// What the catalog asks for when nobody needs an object any more.
public enum CatalogEffect: Hashable, Sendable {
    /// Tell the writer's owner that the object's region may be used again. Happens once an object.
    case release(ObjectID, owner: ObjectOwner)
    /// The writer is dead: remove its segments but for those listed (ascending), which still hold needed objects.
    case removeSegments(WriterID, keeping: [UInt32])
}
