import Glibc

/// An open file, closed at the end of its scope.
struct FileDescriptor: ~Copyable {
    let raw: Int32

    /// - Throws: `SystemError` of `open(2)`. Close-on-exec is added to the flags.
    init(opening path: String, _ flags: Int32, mode: mode_t = 0o600) throws(SystemError) {
        raw = open(path, flags | O_CLOEXEC, mode)
        if raw < 0 { throw .current }
    }

    /// Takes what another call has opened.
    init(adopting raw: Int32) { self.raw = raw }

    deinit { close(raw) }
}
