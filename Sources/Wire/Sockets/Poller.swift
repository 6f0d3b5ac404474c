/// Waits for sockets and descriptors, each under a token of the caller's. Confined to the thread that waits.
///
/// Inlinable, so that it is compiled for the caller's tokens: what knows a type by its metadata alone is slow, and this is done
/// in each turn of each loop.
public struct Poller<Token: Hashable & Sendable> {
    @usableFromInline var watched = PollSet()
    @usableFromInline var tokens: [Token] = []
    @usableFromInline var places: [Token: Int] = [:]

    @inlinable public init() {}

    /// Waits for messages. Replaces what the token stood for.
    @inlinable public mutating func watch(_ socket: Socket, as token: Token) {
        watched.set(socket.descriptor, socket, for: .readable, at: place(of: token))
    }

    /// Replaces what the token stood for. The caller keeps the descriptor open until `forget`.
    @inlinable public mutating func watch(descriptor: Int32, for readiness: Readiness = .readable, as token: Token) {
        watched.set(descriptor, nil, for: readiness, at: place(of: token))
    }

    /// A new one for a token that is not known.
    @inlinable mutating func place(of token: Token) -> Int {
        if let place = places[token] { return place }
        places[token] = tokens.count
        tokens.append(token)
        return tokens.count - 1
    }

    @inlinable public mutating func forget(_ token: Token) {
        guard let place = places.removeValue(forKey: token) else { return }
        watched.remove(at: place)
        let last = tokens.removeLast()
        if place < tokens.count {
            tokens[place] = last
            places[last] = place
        }
    }

    /// Waits until something is ready, a signal handler ran, or the time is over. A descriptor is ready at its end, too, or when
    /// it is broken.
    /// - Parameter milliseconds: nil waits without an end.
    @inlinable public mutating func wait(milliseconds: Int?) throws(WireError) -> [Token] {
        try watched.wait(milliseconds: milliseconds).map { tokens[$0] }
    }
}
