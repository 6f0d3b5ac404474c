import CZeroMQ

/// One frame of a message, as libzmq owns it. Kept by a receiver and filled again and again.
public struct Frame: ~Copyable {
    let message: UnsafeMutablePointer<zmq_msg_t>

    public init() {
        message = .allocate(capacity: 1)
        zmq_msg_init(message)
    }

    deinit {
        zmq_msg_close(message)
        message.deallocate()
    }

    public var count: Int { zmq_msg_size(message) }

    /// Another frame of the same message follows.
    var hasMore: Bool { zmq_msg_more(message) != 0 }

    /// The bytes, until the frame is filled again or ends.
    public func withUnsafeBytes<Value, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try body(UnsafeRawBufferPointer(start: zmq_msg_data(message), count: count))
    }

    public func bytes() -> [UInt8] { withUnsafeBytes { [UInt8]($0) } }
}
