import AnabranchCore
import ObjectStore
import Scheduling

extension CoordinatorLoop {
    /// What goes down a worker's lane: with the bytes of small objects of the coordinator's store in it for a worker that does
    /// not see that.
    func carried(_ batch: TaskBatch) -> TaskBatch {
        guard !batch.tasks.isEmpty, !ask({ $0.seesStore(batch.worker) }) else { return batch }
        var carried = batch
        // Of this batch only: what it maps is let go of at once.
        let reader = SegmentReader(directory: store.path)
        for index in carried.tasks.indices {
            carried.tasks[index].work = carried.tasks[index].work.replacingReferences { inlined($0, reader) }
        }
        return carried
    }

    /// As it was when its bytes are not here: they are in the worker's store, or gone, as the worker will say.
    private func inlined(_ reference: ObjectRef, _ reader: SegmentReader) -> ObjectRef {
        guard !reference.isInline, let bytes = try? reader.bytes(of: reference) else { return reference }
        return ObjectRef(
            id: reference.id, encoding: reference.encoding, length: reference.length,
            location: .inline(bytes.withUnsafeBytes { Array($0) }))
    }
}
