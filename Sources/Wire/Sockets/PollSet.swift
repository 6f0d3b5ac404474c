import Glibc

/// Waits for sockets and descriptors, each at a place of its own: what a `Poller` knows by tokens.
///
/// Not by `zmq_poll`, which asks every socket twice in each turn what it has, at two calls of the system a time. This asks
/// only those that may have something.
@usableFromInline
struct PollSet {
    private var items: [pollfd] = []
    /// Keeps each watched socket alive.
    private var sockets: [Socket?] = []

    var count: Int { items.count }

    @usableFromInline init() {}

    /// Puts what is waited for at the place, or at the next one.
    @usableFromInline
    mutating func set(_ descriptor: Int32, _ socket: Socket?, for readiness: Readiness, at place: Int) {
        let item = pollfd(fd: descriptor, events: readiness.rawValue, revents: 0)
        if place == count {
            items.append(item)
            sockets.append(socket)
        } else {
            items[place] = item
            sockets[place] = socket
        }
    }

    /// The last one takes the place.
    @usableFromInline
    mutating func remove(at place: Int) {
        items.swapAt(place, count - 1)
        sockets.swapAt(place, count - 1)
        items.removeLast()
        sockets.removeLast()
    }

    /// As `Poller` has it.
    @usableFromInline
    mutating func wait(milliseconds: Int?) throws(WireError) -> [Int] {
        let end = milliseconds.map { ContinuousClock.now + .milliseconds($0) }
        var left = milliseconds
        while true {
            let timeout = try socketsHaveMessages() ? 0 : left.map { Int32(clamping: $0) } ?? -1
            let count = poll(&items, nfds_t(items.count), timeout)
            if count < 0 {
                if errno == EINTR { return [] }
                throw .system("poll")
            }
            let ready = try readyPlaces()
            if !ready.isEmpty || count == 0 { return ready }
            // A socket has connected, say, and has no message.
            left = end.map { max(0, Int(($0 - .now) / .milliseconds(1))) }
        }
    }

    /// Whether there are messages of which the sockets' descriptors have told already.
    private func socketsHaveMessages() throws(WireError) -> Bool {
        var found = false
        for case let socket? in sockets where socket.mayHaveMessages {
            if try socket.findMessages() { found = true }
        }
        return found
    }

    private func readyPlaces() throws(WireError) -> [Int] {
        var ready: [Int] = []
        for place in items.indices {
            let isTold = items[place].revents != 0
            if let socket = sockets[place] {
                if try isTold ? socket.findMessages() : socket.mayHaveMessages { ready.append(place) }
            } else if isTold {
                ready.append(place)
            }
        }
        return ready
    }
}
