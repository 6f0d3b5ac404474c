import CZeroMQ

/// Tells of the connections of one socket: how a lane's loss is seen at once.
///
/// `@unchecked Sendable`: like its socket, used by one thread at a time.
public final class SocketMonitor: @unchecked Sendable {
    public enum Event: Hashable, Sendable {
        /// The peer is there and has spoken ZeroMQ's greeting.
        case connected
        case disconnected
    }

    /// To be watched for reading.
    public let events: Socket
    private let monitored: Socket
    private let prefix = FrameBox()
    private let frame = FrameBox()

    public init(of socket: Socket, in context: ZMQContext) throws(WireError) {
        // Unique within the context for as long as the socket lives, which this object sees to.
        let endpoint = "inproc://monitor-\(UInt(bitPattern: socket.handle))"
        if zmq_socket_monitor(socket.handle, endpoint, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) != 0 {
            throw .zmq("monitor", endpoint: endpoint)
        }
        monitored = socket
        events = try Socket(context, .pair)
        try events.connect(endpoint)
    }

    deinit {
        if monitored.isOpen { zmq_socket_monitor(monitored.handle, nil, 0) }
    }

    /// - Returns: nil when there is no further event.
    public func next() throws(WireError) -> Event? {
        while let event = try events.receive(withPrefix: prefix.frame, into: frame.frame) {
            // The number of the event in the host's byte order, and a value that these two events do not need.
            guard event.count == 6 else { continue }
            switch event.withUnsafeBytes({ Int32($0.loadUnaligned(as: UInt16.self)) }) {
            case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return .connected
            case ZMQ_EVENT_DISCONNECTED: return .disconnected
            default: continue
            }
        }
        return nil
    }
}

/// A frame that a class can keep.
private final class FrameBox {
    let frame = Frame()
}
