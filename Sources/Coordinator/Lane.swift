import Wire

/// The way to one worker, and what tells of its loss.
struct Lane {
    let socket: Socket
    let monitor: SocketMonitor
    private let endpoint: String

    init(to endpoint: String, in context: ZMQContext) throws(WireError) {
        self.endpoint = endpoint
        socket = try Socket(context, .push)
        // Credit bounds what is under way, not the socket.
        try socket.set(.sendHighWaterMark(0))
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
