extension StoreDirectory {
    /// A store at a glance, for status and doctor.
    public struct Summary: Hashable, Sendable {
        public var path: String
        public var identity: String
        public var segments: Int
        public var segmentBytes: UInt64
        public var liveWriters: Int
        public var deadWriters: Int
        public var capacity: FileSystemCapacity
    }

    public func summary() -> Summary {
        let segments = segments()
        let writers = writers()
        let live = writers.count { isAlive($0) }
        return Summary(
            path: path, identity: identity, segments: segments.count,
            segmentBytes: segments.reduce(0) { $0 + $1.bytes }, liveWriters: live, deadWriters: writers.count - live,
            capacity: FileSystemCapacity(of: path) ?? FileSystemCapacity(totalBytes: 0, availableBytes: 0))
    }
}
