import Glibc

/// `errno` of a failed call, for a message.
struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    let code: Int32

    /// Of the call that has just failed on this thread.
    static var current: SystemError { SystemError(code: errno) }

    var description: String {
        guard let text = strerror(code) else { return "error \(code)" }
        return String(cString: text)
    }
}
