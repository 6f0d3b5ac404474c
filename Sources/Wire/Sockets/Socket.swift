import CZeroMQ
import Glibc

/// A ZeroMQ socket. Nothing here waits: a `Poller` does.
///
/// `@unchecked Sendable`: libzmq allows a socket to one thread at a time. Its owner makes it, hands it to one loop thread
/// before that thread starts, and touches it again only after the thread has ended; a `Wakeup` is how others reach the
/// loop.
public final class Socket: @unchecked Sendable {
    public let kind: SocketKind
    let handle: UnsafeMutableRawPointer
    /// Readable when something has happened to the socket, which it tells but once: any call may take the word of it away.
    @usableFromInline let descriptor: Int32
    /// False once the socket was found empty, until a call may have taken the word of a message that came since.
    private(set) var mayHaveMessages = true
    private let context: ZMQContext
    private(set) var isOpen = true
    /// Messages dropped because they had another number of frames than the kind of socket asks for.
    public private(set) var malformedMessages: UInt64 = 0

    public init(_ context: ZMQContext, _ kind: SocketKind) throws(WireError) {
        guard let handle = zmq_socket(context.handle, kind.rawValue) else { throw .zmq("zmq_socket") }
        self.kind = kind
        self.handle = handle
        self.context = context
        var descriptor: Int32 = -1
        var size = MemoryLayout<Int32>.size
        let status = zmq_getsockopt(handle, ZMQ_FD, &descriptor, &size)
        self.descriptor = descriptor
        if status != 0 { throw .zmq("get ZMQ_FD") }
        try set(.linger(0))
    }

    deinit { close() }

    /// Ends the socket now, as the linger option says. Further calls do nothing.
    public func close() {
        if isOpen {
            // libzmq closes behind our back, and its I/O thread tells the monitor of it: once nobody is there to take that, it
            // would wait for ever, and all sockets of the context with it.
            zmq_socket_monitor(handle, nil, 0)
            zmq_close(handle)
        }
        isOpen = false
    }

    /// The file of an ipc endpoint is its owner's alone (mode 0700), whatever directory it stands in.
    public func bind(_ endpoint: String) throws(WireError) {
        // libzmq binds on this thread: the file never is there with another mode.
        let mask = endpoint.hasPrefix("ipc://") ? umask(0o077) : nil
        mayHaveMessages = true
        let status = zmq_bind(handle, endpoint)
        let failure = WireError.zmq("bind", endpoint: endpoint)
        if let mask { umask(mask) }
        if status != 0 { throw failure }
    }

    public func connect(_ endpoint: String) throws(WireError) {
        mayHaveMessages = true
        if zmq_connect(handle, endpoint) != 0 { throw .zmq("connect", endpoint: endpoint) }
    }

    public func disconnect(_ endpoint: String) throws(WireError) {
        mayHaveMessages = true
        if zmq_disconnect(handle, endpoint) != 0 { throw .zmq("disconnect", endpoint: endpoint) }
    }

    /// Where it is bound, with the port that the system chose for `tcp://…:*`.
    public func boundEndpoint() throws(WireError) -> String {
        var text = [UInt8](repeating: 0, count: 512)
        var count = text.count
        if zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, &text, &count) != 0 { throw .zmq("get ZMQ_LAST_ENDPOINT") }
        return String(decoding: text.prefix(max(0, count - 1)), as: UTF8.self)
    }

    /// - Returns: false when it would have to wait, or the peer is gone: nothing was sent.
    @discardableResult
    public func send(_ bytes: [UInt8]) throws(WireError) -> Bool {
        try bytes.withUnsafeBufferPointer { buffer throws(WireError) in
            try send(UnsafeRawBufferPointer(buffer), flags: ZMQ_DONTWAIT)
        }
    }

    /// A message of two frames: routing id or topic, and body.
    /// - Returns: false when it would have to wait, or the peer is gone: nothing was sent.
    @discardableResult
    public func send(_ first: [UInt8], _ second: [UInt8]) throws(WireError) -> Bool {
        let accepted = try first.withUnsafeBufferPointer { buffer throws(WireError) in
            try send(UnsafeRawBufferPointer(buffer), flags: ZMQ_DONTWAIT | ZMQ_SNDMORE)
        }
        return accepted ? try send(second) : false
    }

    func send(_ bytes: UnsafeRawBufferPointer, flags: Int32) throws(WireError) -> Bool {
        mayHaveMessages = true
        while zmq_send(handle, bytes.baseAddress, bytes.count, flags) < 0 {
            switch zmq_errno() {
            case EINTR: continue
            case EAGAIN, EHOSTUNREACH: return false
            default: throw .zmq("send")
            }
        }
        return true
    }

    /// Takes the next message of one frame.
    /// - Returns: false when there is none.
    public func receive(into frame: borrowing Frame) throws(WireError) -> Bool {
        while try receiveFrame(frame) {
            if !frame.hasMore { return true }
            try dropRest(frame)
        }
        return false
    }

    /// Takes the next message of two frames: routing id or topic, and body.
    /// - Returns: the first frame's bytes, nil when there is no message.
    public func receive(withPrefix prefix: borrowing Frame, into frame: borrowing Frame) throws(WireError) -> [UInt8]? {
        while try receiveFrame(prefix) {
            if !prefix.hasMore {
                malformedMessages += 1
                continue
            }
            guard try receiveFrame(frame) else { throw .zmq("receive") }
            if !frame.hasMore { return prefix.bytes() }
            try dropRest(frame)
        }
        return nil
    }

    private func dropRest(_ frame: borrowing Frame) throws(WireError) {
        malformedMessages += 1
        while frame.hasMore, try receiveFrame(frame) {}
    }

    func receiveFrame(_ frame: borrowing Frame) throws(WireError) -> Bool {
        mayHaveMessages = true
        while zmq_msg_recv(frame.message, handle, ZMQ_DONTWAIT) < 0 {
            switch zmq_errno() {
            case EINTR: continue
            case EAGAIN:
                // It has looked for what has happened to it, and at its messages after that.
                mayHaveMessages = false
                return false
            default: throw .zmq("receive")
            }
        }
        return true
    }

    /// Looks whether there is a message.
    func findMessages() throws(WireError) -> Bool {
        var events: Int32 = 0
        var size = MemoryLayout<Int32>.size
        while zmq_getsockopt(handle, ZMQ_EVENTS, &events, &size) != 0 {
            if zmq_errno() != EINTR { throw .zmq("get ZMQ_EVENTS") }
        }
        mayHaveMessages = events & ZMQ_POLLIN != 0
        return mayHaveMessages
    }
}
