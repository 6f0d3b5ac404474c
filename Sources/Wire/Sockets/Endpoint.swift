/// An endpoint as it is bound, or connected to.
public struct Endpoint: Hashable, Sendable {
    public let text: String
    /// Of a tcp endpoint.
    public let host: String?

    /// Nil when it is neither ipc nor tcp with a host and a port.
    public init?(_ text: String) {
        self.text = text
        if text.hasPrefix("ipc://") {
            guard text.count > "ipc://".count else { return nil }
            host = nil
        } else {
            guard text.hasPrefix("tcp://") else { return nil }
            let address = text.dropFirst("tcp://".count)
            guard let colon = address.lastIndex(of: ":"), colon > address.startIndex else { return nil }
            let port = address[address.index(after: colon)...]
            guard port == "*" || UInt16(port) != nil else { return nil }
            host = String(address[..<colon])
        }
    }

    /// Nobody on another machine can reach it.
    public var isLocal: Bool {
        guard let host else { return true }
        return host == "localhost" || host == "[::1]" || host.hasPrefix("127.")
    }

    public var isTCP: Bool { host != nil }

    public var isEveryInterface: Bool { host == "*" || host == "0.0.0.0" || host == "[::]" }

    /// The bound endpoint as others are to write it: a host that means every interface is no address.
    public static func advertised(_ bound: String, as host: String) -> String {
        guard let endpoint = Endpoint(bound), endpoint.isEveryInterface, let colon = bound.lastIndex(of: ":") else {
            return bound
        }
        return "tcp://\(host)\(bound[colon...])"
    }
}
