import Glibc
import Scheduling
import Wire

/// Answers GET /metrics over HTTP/1.1, for the coordinator's loop: one descriptor to watch, nothing that blocks, and bounds on
/// connections, bytes and time, so that strangers cost the loop little. Used by one thread at a time.
final class MetricsListener {
    /// Connections at a time: a further one takes the place of the oldest, so that silent ones keep nobody out.
    static let mostConnections = 64
    /// A connection that has not had its answer by then ends. Microseconds.
    static let patience: UInt64 = 5_000_000
    /// Taken up in one turn of the loop; the others come in the next.
    private static let mostPerTurn = 16

    private struct Connection {
        var request = ScrapeRequest()
        var response: ArraySlice<UInt8> = []
        var isAnswered = false
        let deadline: Instant
        let number: UInt64
    }

    /// HOST:PORT, with the port that the system chose.
    let address: String
    private let listener: Int32
    private let watched: DescriptorSet
    private var connections: [Int32: Connection] = [:]
    private var count: UInt64 = 0
    /// Nothing is accepted before then: the process has no descriptor left.
    private var resumesAt: Instant?

    /// - Throws: `CoordinatorFailure`, naming the address.
    init(_ text: String, allowOthers: Bool) throws {
        let bound = try ListeningAddress(text)
        guard bound.isLoopback || allowOthers else { throw CoordinatorFailure.openMetrics(text) }
        watched = try DescriptorSet()
        (listener, address) = try bound.listen()
        watched.watch(listener)
    }

    /// Readable when a connection has come or can go on.
    var descriptor: Int32 { watched.descriptor }

    /// When `expire` is due at the latest.
    var nextDeadline: Instant? { [connections.values.map(\.deadline).min(), resumesAt].compactMap { $0 }.min() }

    /// Takes what has come, a little at a time. `page` is made for each that asks for it.
    func serve(at now: Instant, page: () -> String) {
        for descriptor in watched.ready(atMost: Self.mostPerTurn) {
            if descriptor == listener {
                accept(at: now)
            } else if connections[descriptor]?.isAnswered == true {
                write(descriptor)
            } else {
                read(descriptor, page)
            }
        }
    }

    /// Ends what has had its time.
    func expire(at now: Instant) {
        for (descriptor, connection) in connections where connection.deadline <= now { end(descriptor) }
        if let due = resumesAt, due <= now {
            resumesAt = nil
            watched.watch(listener)
        }
    }

    func close() {
        for descriptor in connections.keys { end(descriptor) }
        watched.forget(listener)
        Glibc.close(listener)
    }

    private func accept(at now: Instant) {
        for _ in 0..<Self.mostPerTurn {
            let descriptor = Glibc.accept(listener, nil, nil)
            if descriptor < 0 {
                // A listener that stays readable would keep the loop awake.
                if errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS {
                    watched.forget(listener)
                    resumesAt = now.advanced(by: 1_000_000)
                }
                return
            }
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            if connections.count >= Self.mostConnections,
                let oldest = connections.min(by: { $0.value.number < $1.value.number })
            {
                end(oldest.key)
            }
            count += 1
            connections[descriptor] = Connection(deadline: now.advanced(by: Self.patience), number: count)
            watched.watch(descriptor)
        }
    }

    private func read(_ descriptor: Int32, _ page: () -> String) {
        // Somebody else's by now, when the connection ended in this turn.
        guard var connection = connections[descriptor] else { return }
        var bytes = [UInt8](repeating: 0, count: ScrapeRequest.limit)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
        guard count > 0 else { return end(descriptor) }
        let verdict = connection.request.append(bytes[..<count])
        guard let response = verdict.response(contentType: MetricsPage.contentType, page: page) else {
            connections[descriptor] = connection
            return
        }
        connection.response = response[...]
        connection.isAnswered = true
        connections[descriptor] = connection
        write(descriptor)
    }

    private func write(_ descriptor: Int32) {
        guard let response = connections[descriptor]?.response else { return }
        let sent = response.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if sent < 0 && errno != EAGAIN && errno != EINTR { return end(descriptor) }
        connections[descriptor]?.response = response.dropFirst(max(0, sent))
        if sent == response.count { return end(descriptor) }
        watched.watch(descriptor, for: .writable)
    }

    private func end(_ descriptor: Int32) {
        guard connections.removeValue(forKey: descriptor) != nil else { return }
        watched.forget(descriptor)
        Glibc.close(descriptor)
    }
}
