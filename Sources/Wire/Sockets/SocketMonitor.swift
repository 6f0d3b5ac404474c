import CZeroMQ

/// Tells of the connections of one socket: how a lane's loss is seen at once.
///
/// `@unchecked Sendable`: like its socket, used by one thread at a time.
public final class SocketMonitor: @unchecked Sendable {
    public enum Event: Hashable, Sendable {
        /// The peer is there and has spoken ZeroMQ's greeting.
        case connected
        case disconnected
        /// It did not come about; libzmq tries again, but for failures that are final.
        case failed(HandshakeFailure)
    }

    /// To be watched for reading.
    public let events: Socket
    private let monitored: Socket
    private let prefix = FrameBox()
    private let frame = FrameBox()

    private static let wanted =
        ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
        | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_CLOSED

    public init(of socket: Socket, in context: ZMQContext) throws(WireError) {
        // Unique within the context for as long as the socket lives, which this object sees to.
        let endpoint = "inproc://monitor-\(UInt(bitPattern: socket.handle))"
        if zmq_socket_monitor(socket.handle, endpoint, Self.wanted) != 0 {
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
            // The number of the event and its value, in the host's byte order.
            guard event.count == 6 else { continue }
            let (number, value) = event.withUnsafeBytes {
                (Int32($0.loadUnaligned(as: UInt16.self)), $0.loadUnaligned(fromByteOffset: 2, as: Int32.self))
            }
            switch number {
            case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return .connected
            case ZMQ_EVENT_DISCONNECTED: return .disconnected
            case ZMQ_EVENT_CLOSED: return .failed(.unreachable)
            case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: return .failed(.keyRefused)
            case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL where value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
                return .failed(.mechanism)
            case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: return .failed(.cutOff)
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
