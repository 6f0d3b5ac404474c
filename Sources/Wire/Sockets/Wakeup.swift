import CZeroMQ
import Glibc

/// Wakes the thread that polls its descriptor. `signal` may be called by any thread, any number of times.
public final class Wakeup: Sendable {
    /// Readable when there was a signal since the last `clear`.
    public let descriptor: Int32

    public init() throws(WireError) {
        descriptor = anabranch_eventfd()
        if descriptor < 0 { throw .system("eventfd") }
    }

    deinit { close(descriptor) }

    public func signal() { eventfd_write(descriptor, 1) }

    /// For the polling thread, before it looks at what the signallers left.
    public func clear() {
        var count: eventfd_t = 0
        eventfd_read(descriptor, &count)
    }
}

extension WireError {
    /// The calling thread's last error of the system.
    static func system(_ operation: String) -> WireError {
        .system(operation: operation, reason: String(cString: strerror(errno)))
    }
}
