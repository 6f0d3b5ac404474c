import AnabranchCore
import Glibc

extension StoreDirectory {
    /// A segment file as it stands in the directory.
    public struct Segment: Hashable, Sendable {
        public let writer: WriterID
        public let number: UInt32
        public let bytes: UInt64
    }

    /// All segments, in no particular order.
    public func segments() -> [Segment] { Self.segments(in: path) }

    /// Sizes of all segments together.
    public func totalBytes() -> UInt64 { Self.segmentBytes(in: path) }

    /// Whether a process writes as `writer`: its lock is held, whatever its process id means here.
    public func isAlive(_ writer: WriterID) -> Bool { FileLock.isHeld("\(path)/\(writer.lockName)") }

    /// Writers that have left a lock file or a segment, alive or not.
    public func writers() -> Set<WriterID> {
        var writers: Set<WriterID> = []
        for name in Self.entries(of: path) {
            if let segment = SegmentName(name) {
                writers.insert(segment.writer)
            } else if name.hasPrefix("writer-"), name.hasSuffix(".lock"),
                let id = UInt64(name.dropFirst("writer-".count).dropLast(".lock".count), radix: 16)
            {
                writers.insert(WriterID(id))
            }
        }
        return writers
    }

    /// Removes all that a dead writer left, when nobody needs or holds its objects any more. A writer that is alive
    /// keeps everything.
    ///
    /// - Returns: the bytes of the segments removed.
    @discardableResult
    public func removeSegments(of writer: WriterID) -> UInt64 {
        guard !isAlive(writer) else { return 0 }
        var removed: UInt64 = 0
        for segment in segments() where segment.writer == writer {
            removed += remove(segment) ? segment.bytes : 0
        }
        unlink("\(path)/\(writer.lockName)")
        return removed
    }

    /// Removes one segment of a dead writer, when nobody needs or holds its objects any more.
    ///
    /// - Returns: whether it was there.
    @discardableResult
    public func remove(_ segment: Segment) -> Bool {
        unlink("\(path)/\(SegmentName(writer: segment.writer, number: segment.number))") == 0
    }

    /// How many writers have not left in order.
    static func lockedWriterCount(in directory: String) -> Int {
        entries(of: directory).count { $0.hasPrefix("writer-") }
    }

    static func segments(in directory: String) -> [Segment] {
        entries(of: directory).compactMap { entry in
            var facts = stat()
            guard let name = SegmentName(entry), lstat("\(directory)/\(entry)", &facts) == 0 else { return nil }
            return Segment(writer: name.writer, number: name.number, bytes: UInt64(clamping: facts.st_size))
        }
    }

    static func segmentBytes(in directory: String) -> UInt64 { segments(in: directory).reduce(0) { $0 + $1.bytes } }
}
