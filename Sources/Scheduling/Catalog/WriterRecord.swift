import AnabranchCore

/// A process that writes objects, and where in its segments needed objects stand.
struct WriterRecord: Hashable, Sendable {
    let owner: ObjectOwner
    /// False once its process has ended. What it sealed outlives it.
    var isAlive = true
    /// The store that it wrote to is gone.
    var hasLostBytes = false
    /// Needed objects in each of its segments; segments without any are left out.
    var objects: [UInt32: UInt64] = [:]
    /// Of its objects, those that it was told to give up.
    var released = ReleasedSequences()

    init(owner: ObjectOwner) { self.owner = owner }
}
