import CZeroMQ

/// The input and output threads that sockets of a process share.
///
/// Sendable: libzmq's contexts may be used by any thread. It ends when the last socket made from it is gone.
public final class ZMQContext: @unchecked Sendable {
    let handle: UnsafeMutableRawPointer

    public init() throws(WireError) {
        guard let handle = zmq_ctx_new() else { throw .zmq("zmq_ctx_new") }
        self.handle = handle
        // A worker has two sockets, a coordinator three and one per worker.
        zmq_ctx_set(handle, ZMQ_MAX_SOCKETS, 16384)
    }

    deinit { zmq_ctx_term(handle) }
}

extension WireError {
    /// The calling thread's last error of libzmq.
    static func zmq(_ operation: String, endpoint: String = "") -> WireError {
        .zmq(operation: operation, reason: String(cString: zmq_strerror(zmq_errno())), endpoint: endpoint)
    }
}
