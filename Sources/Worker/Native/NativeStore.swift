import AnabranchCore
import ObjectStore

/// The object store as native functions see it; shared by all slots of a worker.
public final class NativeStore: Sendable {
    public let reader: SegmentReader
    public let writer: SegmentWriter

    public init(reader: SegmentReader, writer: SegmentWriter) {
        self.reader = reader
        self.writer = writer
    }

    /// Opens the store at `directory` with a writer of its own.
    ///
    /// - Throws: `StoreError.unusable` when the directory cannot be written to.
    public convenience init(
        directory: String, writer: WriterID, inlineThreshold: Int, budget: UInt64
    ) throws(StoreError) {
        self.init(
            reader: SegmentReader(directory: directory),
            writer: try SegmentWriter(
                directory: directory, writer: writer, inlineThreshold: inlineThreshold, budget: budget))
    }
}
