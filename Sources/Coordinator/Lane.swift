import Wire

/// The way to one worker, and what tells of its loss.
struct Lane {
    let socket: Socket
    let monitor: SocketMonitor
    private let endpoint: String

    /// - Parameter keys: Of a coordinator with keys: it stays the server of the handshake though it is the one to connect, so
    ///   that a worker knows one key, and no stranger's lane gets a task.
    init(to endpoint: String, in context: ZMQContext, keys: ServerKeys?) throws(WireError) {
        self.endpoint = endpoint
        socket = try Socket(context, .push)
        // Credit bounds what is under way, not the socket.
        try socket.set(.sendHighWaterMark(0))
        if let keys, Endpoint(endpoint)?.isTCP == true { try socket.secure(as: keys.role) }
        monitor = try SocketMonitor(of: socket, in: context)
        try socket.connect(endpoint)
    }

    /// Ends the lane of a worker that is gone. A killed one has left its socket's file, which is removed when it stands in
    /// the store's directory as the protocol names it; no other path of a peer's is touched.
    func close(storePath: String) {
        socket.close()
        let prefix = "ipc://\(storePath)/lane-"
        guard endpoint.hasPrefix(prefix), !endpoint.dropFirst(prefix.count).contains("/") else { return }
        SocketFile.removeIfAbandoned(String(endpoint.dropFirst("ipc://".count)))
    }
}
