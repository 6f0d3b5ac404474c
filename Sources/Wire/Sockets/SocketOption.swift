import CZeroMQ

/// What can be set on a socket; before `bind` or `connect`, unless said otherwise.
public enum SocketOption: Sendable, Hashable {
    /// Bytes; a peer that sends a larger frame is disconnected.
    case maxMessageSize(Int)
    /// How long unsent messages are kept at the end, in milliseconds; -1: for ever.
    case linger(Int32)
    /// Messages that may wait to be sent, per peer; 0: unbounded.
    case sendHighWaterMark(Int32)
    case receiveHighWaterMark(Int32)
    /// The name by which a ROUTER knows this socket.
    case routingID([UInt8])
    /// A peer that moves to a new connection takes its name with it.
    case routerHandover(Bool)
    /// Sending to a peer that is gone is an error and not a silent loss.
    case routerMandatory(Bool)
    /// Messages wait only for connections that stand.
    case immediate(Bool)
    /// Milliseconds between pings on a connection, and until a silent peer is given up.
    case heartbeat(interval: Int32, timeout: Int32)
    /// Topics that begin with these bytes; SUB only, at any time.
    case subscribe([UInt8])
    /// Milliseconds that a peer may take from its connection to the end of the handshake.
    case handshakePatience(Int32)
}

extension Socket {
    public func set(_ option: SocketOption) throws(WireError) {
        switch option {
        case .maxMessageSize(let bytes): try set(ZMQ_MAXMSGSIZE, Int64(bytes), "ZMQ_MAXMSGSIZE")
        case .linger(let milliseconds): try set(ZMQ_LINGER, milliseconds, "ZMQ_LINGER")
        case .sendHighWaterMark(let count): try set(ZMQ_SNDHWM, count, "ZMQ_SNDHWM")
        case .receiveHighWaterMark(let count): try set(ZMQ_RCVHWM, count, "ZMQ_RCVHWM")
        case .routingID(let bytes): try set(ZMQ_ROUTING_ID, bytes, "ZMQ_ROUTING_ID")
        case .routerHandover(let on): try set(ZMQ_ROUTER_HANDOVER, Int32(on ? 1 : 0), "ZMQ_ROUTER_HANDOVER")
        case .routerMandatory(let on): try set(ZMQ_ROUTER_MANDATORY, Int32(on ? 1 : 0), "ZMQ_ROUTER_MANDATORY")
        case .immediate(let on): try set(ZMQ_IMMEDIATE, Int32(on ? 1 : 0), "ZMQ_IMMEDIATE")
        case .heartbeat(let interval, let timeout):
            try set(ZMQ_HEARTBEAT_IVL, interval, "ZMQ_HEARTBEAT_IVL")
            try set(ZMQ_HEARTBEAT_TIMEOUT, timeout, "ZMQ_HEARTBEAT_TIMEOUT")
        case .subscribe(let prefix): try set(ZMQ_SUBSCRIBE, prefix, "ZMQ_SUBSCRIBE")
        case .handshakePatience(let milliseconds): try set(ZMQ_HANDSHAKE_IVL, milliseconds, "ZMQ_HANDSHAKE_IVL")
        }
    }

    /// Encrypts what goes over the socket, and asks who the peer is; before `bind` or `connect`.
    public func secure(as role: CurveRole) throws(WireError) {
        switch role {
        case .server(let own):
            try set(ZMQ_CURVE_SERVER, Int32(1), "ZMQ_CURVE_SERVER")
            try set(ZMQ_CURVE_SECRETKEY, own.secretKey.bytes, "ZMQ_CURVE_SECRETKEY")
            try set(ZMQ_ZAP_DOMAIN, Array("anabranch".utf8), "ZMQ_ZAP_DOMAIN")
        case .client(let own, let server):
            try set(ZMQ_CURVE_SERVERKEY, server.bytes, "ZMQ_CURVE_SERVERKEY")
            try set(ZMQ_CURVE_PUBLICKEY, own.publicKey.bytes, "ZMQ_CURVE_PUBLICKEY")
            try set(ZMQ_CURVE_SECRETKEY, own.secretKey.bytes, "ZMQ_CURVE_SECRETKEY")
        }
    }

    private func set<Number: FixedWidthInteger>(
        _ option: Int32, _ value: Number, _ name: String
    ) throws(WireError) {
        var value = value
        if zmq_setsockopt(handle, option, &value, MemoryLayout<Number>.size) != 0 { throw .zmq("set \(name)") }
    }

    private func set(_ option: Int32, _ bytes: [UInt8], _ name: String) throws(WireError) {
        if zmq_setsockopt(handle, option, bytes, bytes.count) != 0 { throw .zmq("set \(name)") }
    }
}
