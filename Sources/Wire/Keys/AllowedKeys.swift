import Foundation

/// The public keys that are let in: the `*.pub` files of a directory, read again whenever the directory changes.
public struct AllowedKeys: Sendable {
    public let directory: String
    private var keys: Set<PublicKey> = []
    /// Of the directory when it was read last. Nanoseconds since 1970.
    private var changedAt: Int64?
    private var readAt: Int64 = 0
    /// What is changed so soon after may have the same time. Nanoseconds.
    private static let grain: Int64 = 1_000_000_000

    /// - Throws: `KeyFileError` when the directory or one of its files cannot be read.
    public init(directory: String) throws(KeyFileError) {
        self.directory = directory
        try reload()
    }

    public var count: Int { keys.count }

    /// Reads the directory again if it has changed. One that cannot be read any more lets nobody in.
    ///
    /// - Throws: `KeyFileError`, of the first file that had to be passed over; those that can be read count.
    public mutating func refresh() throws(KeyFileError) {
        if changedAt == nil || Self.changeTime(of: directory) != changedAt || readAt - (changedAt ?? 0) < Self.grain {
            try reload()
        }
    }

    /// Whether the key is let in, as of the last `refresh`.
    public func contains(_ key: PublicKey) -> Bool { keys.contains(key) }

    private mutating func reload() throws(KeyFileError) {
        keys = []
        changedAt = Self.changeTime(of: directory)
        readAt = Self.now
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            throw .unreadable(path: directory, reason: "no directory of public keys can be read there")
        }
        var failure: KeyFileError?
        for name in names.sorted() where name.hasSuffix(".pub") {
            do throws(KeyFileError) {
                keys.insert(try KeyFile.readPublic("\(directory)/\(name)"))
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    private static func changeTime(of path: String) -> Int64? {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return nil }
        return Int64(facts.st_mtim.tv_sec) * 1_000_000_000 + Int64(facts.st_mtim.tv_nsec)
    }

    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
