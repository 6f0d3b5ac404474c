import CZeroMQ
import Glibc

/// Many sockets behind one descriptor: what a turn of the loop costs does not grow with their number. Used by one thread at a
/// time.
///
/// A socket tells but once of what has come, so whoever is told must read it until nothing is left; so too after `insert`.
public final class SocketSet<Token: Hashable & Sendable> {
    /// Readable when one of the sockets is.
    public let descriptor: Int32
    private var tokens: [Int32: Token] = [:]
    /// Keeps each socket, and with it its descriptor, alive.
    private var members: [Token: (socket: Socket, descriptor: Int32)] = [:]
    /// Told of in one turn; the others come in the next.
    private static var batch: Int { 256 }

    public init() throws(WireError) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        if descriptor < 0 { throw .system("epoll_create1") }
    }

    deinit { close(descriptor) }

    /// Replaces what the token stood for.
    public func insert(_ socket: Socket, as token: Token) throws(WireError) {
        remove(token)
        let own = socket.descriptor
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.fd = own
        if epoll_ctl(descriptor, EPOLL_CTL_ADD, own, &event) != 0 { throw .system("epoll_ctl") }
        tokens[own] = token
        members[token] = (socket, own)
    }

    public func remove(_ token: Token) {
        guard let member = members.removeValue(forKey: token) else { return }
        tokens[member.descriptor] = nil
        epoll_ctl(descriptor, EPOLL_CTL_DEL, member.descriptor, nil)
    }

    /// Those that have something to be read.
    public func ready() -> [Token] {
        var events = [epoll_event](repeating: epoll_event(), count: Self.batch)
        let count = epoll_wait(descriptor, &events, Int32(Self.batch), 0)
        return events.prefix(max(0, Int(count))).compactMap { tokens[$0.data.fd] }
    }
}
