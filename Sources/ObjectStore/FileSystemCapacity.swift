import Glibc

/// Room in a file system, in bytes.
public struct FileSystemCapacity: Hashable, Sendable {
    public let totalBytes: UInt64
    public let availableBytes: UInt64

    public init(totalBytes: UInt64, availableBytes: UInt64) {
        self.totalBytes = totalBytes
        self.availableBytes = availableBytes
    }

    /// Nil when there is no such directory.
    public init?(of directory: String) {
        var facts = statvfs()
        guard statvfs(directory, &facts) == 0 else { return nil }
        self.init(
            totalBytes: UInt64(facts.f_blocks) * UInt64(facts.f_frsize),
            availableBytes: UInt64(facts.f_bavail) * UInt64(facts.f_frsize))
    }
}
