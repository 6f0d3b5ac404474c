import AnabranchCore
import Synchronization

/// What one native call has fetched for stand-ins; let go of with the call.
final class FetchedObjects: Sendable {
    private let objects = Mutex<[ObjectID: ObjectRef]>([:])

    /// What `fetch` made of the stand-in before or, the first time, makes of it now. Two threads may both fetch it.
    func object(_ standIn: ObjectRef, fetch: (ObjectRef) throws -> ObjectRef) throws -> ObjectRef {
        if let known = objects.withLock({ $0[standIn.id] }) { return known }
        let object = try fetch(standIn)
        objects.withLock { $0[standIn.id] = object }
        return object
    }
}
