import Glibc

extension StoreDirectory {
    /// Makes a new store in `parent` and owns it.
    ///
    /// - Throws: `unusable` when `parent` cannot be written to.
    public static func create(in parent: String = "/dev/shm") throws(StoreError) -> StoreDirectory {
        var generator = SystemRandomNumberGenerator()
        let suffix = UInt32.random(in: .min ... .max, using: &generator)
        let name = "\(prefix)\(String(suffix, radix: 16))"
        // Made under a hidden name and shown when its lock is held: nobody may take it for abandoned in between.
        let hidden = "\(parent)/.\(name)"
        let path = "\(parent)/\(name)"
        guard mkdir(hidden, 0o700) == 0 else {
            throw .unusable(path: parent, reason: "no directory can be made there: \(SystemError.current)")
        }
        do throws(SystemError) {
            guard let owner = try FileLock("\(hidden)/owner.lock", .doNotBlock) else {
                throw SystemError(code: EBUSY)
            }
            let digits = String(UInt64.random(in: .min ... .max, using: &generator), radix: 16)
            let identity = String(repeating: "0", count: 16 - digits.count) + digits
            let file = try FileDescriptor(opening: "\(hidden)/identity", O_WRONLY | O_CREAT | O_EXCL)
            guard write(file.raw, identity, identity.utf8.count) == identity.utf8.count else { throw .current }
            _ = try FileDescriptor(opening: "\(hidden)/budget.lock", O_RDWR | O_CREAT)
            guard rename(hidden, path) == 0 else { throw .current }
            return StoreDirectory(path: path, identity: identity, owner: owner)
        } catch {
            removeTree(hidden)
            throw .unusable(path: parent, reason: "a store cannot be made there: \(error)")
        }
    }

    /// What the names of this user's stores begin with.
    static var prefix: String { "anabranch-\(getuid())-" }
}
