import AnabranchCore
import Glibc

/// A store's directory on tmpfs; `docs/protocol.md` lists its files.
///
/// The coordinator creates one and is its owner for as long as this object lives; others open it.
public final class StoreDirectory: Sendable {
    public let path: String
    /// 16 hex digits, random: compared at hello, so that nobody joins with another store of the same path.
    public let identity: String
    private let owner: FileLock?

    init(path: String, identity: String, owner: FileLock?) {
        self.path = path
        self.identity = identity
        self.owner = owner
    }

    /// Opens a store that a coordinator made.
    ///
    /// - Throws: `unusable` when there is none at this path.
    public convenience init(opening path: String) throws(StoreError) {
        do throws(SystemError) {
            let file = try FileDescriptor(opening: "\(path)/identity", O_RDONLY | O_NOFOLLOW)
            var bytes = [UInt8](repeating: 0, count: 17)
            let count = read(file.raw, &bytes, bytes.count)
            let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
            guard count == 16, UInt64(text, radix: 16) != nil else {
                throw SystemError(code: EINVAL)
            }
            self.init(path: path, identity: text, owner: nil)
        } catch {
            throw .unusable(path: path, reason: "it has no readable identity (\(error)); is its coordinator running?")
        }
    }

    /// Whether the coordinator that made a store is alive.
    public static func hasOwner(_ path: String) -> Bool { FileLock.isHeld("\(path)/owner.lock") }

    /// Removes the directory with all that is in it. Mapped objects stay readable where they are mapped.
    public func remove() { Self.removeTree(path) }
}
