import Glibc

/// An exclusive `flock` on a file, held until this ends (or its process, however it ends).
final class FileLock: Sendable {
    enum Waiting { case block, doNotBlock }

    private let descriptor: Int32

    /// Creates the file when it is missing. Nil when another holds the lock and this does not wait.
    init?(_ path: String, _ waiting: Waiting, create: Bool = true) throws(SystemError) {
        let flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0)
        descriptor = open(path, flags, 0o600)
        if descriptor < 0 { throw .current }
        while flock(descriptor, LOCK_EX | (waiting == .block ? 0 : LOCK_NB)) != 0 {
            let error = SystemError.current
            if error.code == EINTR { continue }
            // The deinit of a class whose initialiser fails after its last property is set closes the descriptor.
            if error.code == EWOULDBLOCK { return nil }
            throw error
        }
    }

    deinit { close(descriptor) }

    /// Whether somebody holds the lock on this file. A missing file is held by nobody.
    static func isHeld(_ path: String) -> Bool {
        guard let file = try? FileDescriptor(opening: path, O_RDONLY | O_NOFOLLOW) else { return false }
        // The lock that the probe takes goes with its descriptor.
        return flock(file.raw, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }
}
