import Foundation

/// The public keys that are let in: the `*.pub` files of a directory, read again whenever one of them changes, comes or goes.
public struct AllowedKeys: Sendable {
    public let directory: String
    private var keys: Set<PublicKey> = []
    /// The files as they were read last, by name; nil when the directory could not be read.
    private var files: [String: FileFacts]?
    private var readAt: Int64 = 0
    /// What is changed so soon after may have the same time. Nanoseconds.
    private let grain: Int64

    /// What changes with a file, whoever writes it and however. The time is nanoseconds since 1970.
    private struct FileFacts: Hashable, Sendable {
        let inode: UInt64
        let size: Int64
        let changedAt: Int64
    }

    /// - Throws: `KeyFileError` when the directory or one of its files cannot be read.
    public init(directory: String) throws(KeyFileError) { try self.init(directory: directory, grain: 1_000_000_000) }

    /// - Parameter grain: How fine the file system's times are, in nanoseconds.
    init(directory: String, grain: Int64) throws(KeyFileError) {
        self.directory = directory
        self.grain = grain
        try reload()
    }

    public var count: Int { keys.count }

    /// Reads the directory again if it has changed. One that cannot be read any more lets nobody in.
    ///
    /// - Throws: `KeyFileError`, of the first file that had to be passed over; those that can be read count.
    public mutating func refresh() throws(KeyFileError) {
        let newest = files?.values.map(\.changedAt).max() ?? 0
        if files == nil || readAt - newest < grain || Self.files(in: directory) != files { try reload() }
    }

    /// Whether the key is let in, as of the last `refresh`.
    public func contains(_ key: PublicKey) -> Bool { keys.contains(key) }

    private mutating func reload() throws(KeyFileError) {
        keys = []
        files = Self.files(in: directory)
        readAt = Self.now
        guard let files else {
            throw .unreadable(path: directory, reason: "no directory of public keys can be read there")
        }
        var failure: KeyFileError?
        for name in files.keys.sorted() {
            do throws(KeyFileError) {
                keys.insert(try KeyFile.readPublic("\(directory)/\(name)"))
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    private static func files(in directory: String) -> [String: FileFacts]? {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else { return nil }
        var files: [String: FileFacts] = [:]
        for name in names where name.hasSuffix(".pub") {
            var facts = stat()
            // One that cannot be looked at is tried, and told of, as it is read.
            _ = stat("\(directory)/\(name)", &facts)
            files[name] = FileFacts(
                inode: UInt64(facts.st_ino), size: Int64(facts.st_size),
                changedAt: Int64(facts.st_ctim.tv_sec) * 1_000_000_000 + Int64(facts.st_ctim.tv_nsec))
        }
        return files
    }

    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
