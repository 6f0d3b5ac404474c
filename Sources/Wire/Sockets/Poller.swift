import CZeroMQ
import Glibc

/// Waits for sockets and descriptors, each under a token of the caller's. Confined to the thread that waits.
public struct Poller<Token: Hashable & Sendable> {
    private var items: [zmq_pollitem_t] = []
    private var tokens: [Token] = []
    /// Keeps each watched socket alive.
    private var sockets: [Socket?] = []
    private var places: [Token: Int] = [:]

    public init() {}

    /// Replaces what the token stood for.
    public mutating func watch(_ socket: Socket, for readiness: Readiness = .readable, as token: Token) {
        set(
            zmq_pollitem_t(socket: socket.handle, fd: 0, events: readiness.rawValue, revents: 0), socket, as: token)
    }

    /// Replaces what the token stood for. The caller keeps the descriptor open until `forget`.
    public mutating func watch(descriptor: Int32, for readiness: Readiness = .readable, as token: Token) {
        set(zmq_pollitem_t(socket: nil, fd: descriptor, events: readiness.rawValue, revents: 0), nil, as: token)
    }

    public mutating func forget(_ token: Token) {
        guard let place = places.removeValue(forKey: token) else { return }
        let last = items.count - 1
        if place != last {
            items.swapAt(place, last)
            tokens.swapAt(place, last)
            sockets.swapAt(place, last)
            places[tokens[place]] = place
        }
        items.removeLast()
        tokens.removeLast()
        sockets.removeLast()
    }

    private mutating func set(_ item: zmq_pollitem_t, _ socket: Socket?, as token: Token) {
        if let place = places[token] {
            items[place] = item
            sockets[place] = socket
        } else {
            places[token] = items.count
            items.append(item)
            tokens.append(token)
            sockets.append(socket)
        }
    }

    /// Waits until something is ready, a signal handler ran, or the time is over.
    /// - Parameter milliseconds: nil waits without an end.
    public mutating func wait(milliseconds: Int?) throws(WireError) -> [(token: Token, readiness: Readiness)] {
        var ready = zmq_poll(&items, Int32(items.count), milliseconds ?? -1)
        if ready < 0 {
            if zmq_errno() == EINTR { return [] }
            throw .zmq("zmq_poll")
        }
        var events: [(token: Token, readiness: Readiness)] = []
        for place in items.indices where ready > 0 && items[place].revents != 0 {
            events.append((tokens[place], Readiness(rawValue: items[place].revents)))
            ready -= 1
        }
        return events
    }
}
