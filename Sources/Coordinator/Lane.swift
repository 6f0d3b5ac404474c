import Wire

/// The way to one worker, and what tells of its loss.
struct Lane {
    let socket: Socket
    let monitor: SocketMonitor

    init(to endpoint: String, in context: ZMQContext) throws(WireError) {
        socket = try Socket(context, .push)
        // Credit bounds what is under way, not the socket.
        try socket.set(.sendHighWaterMark(0))
        monitor = try SocketMonitor(of: socket, in: context)
        try socket.connect(endpoint)
    }
}
