import Glibc

/// HOST:PORT, looked up, to listen at over TCP. A port of 0, or *, is one that is free.
struct ListeningAddress {
    private let text: String
    private let storage: [UInt8]
    private let family: Int32

    /// - Throws: `CoordinatorFailure`, naming the address.
    init(_ text: String) throws(CoordinatorFailure) {
        self.text = text
        guard let colon = text.lastIndex(of: ":"), colon != text.startIndex else {
            throw .unknownMetrics(text, reason: "it has no port")
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if host == "*" { host = "0.0.0.0" }
        let port = text[text.index(after: colon)...]
        guard port == "*" || UInt16(port) != nil else {
            throw .unknownMetrics(text, reason: "\(port) is no port")
        }
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, port == "*" ? "0" : String(port), &hints, &found)
        guard status == 0, let first = found else {
            throw .unknownMetrics(text, reason: String(cString: gai_strerror(status)))
        }
        defer { freeaddrinfo(found) }
        family = first.pointee.ai_family
        storage = Array(UnsafeRawBufferPointer(start: first.pointee.ai_addr, count: Int(first.pointee.ai_addrlen)))
    }

    /// Nobody on another machine can reach it.
    var isLoopback: Bool {
        storage.withUnsafeBytes { bytes in
            if family == AF_INET { return bytes[MemoryLayout<sockaddr_in>.offset(of: \.sin_addr)!] == 127 }
            let address = bytes[MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr)!...].prefix(16)
            return address.last == 1 && address.dropLast().allSatisfy { $0 == 0 }
        }
    }

    /// - Returns: The listening descriptor, which does not block, and HOST:PORT.
    func listen() throws(CoordinatorFailure) -> (descriptor: Int32, address: String) {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, kind, 0)
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        let bound = storage.withUnsafeBytes { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) {
                bind(descriptor, $0.baseAddress, socklen_t(bytes.count))
            }
        }
        guard descriptor >= 0, bound == 0, Glibc.listen(descriptor, 64) == 0 else {
            let reason = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw .cannotBind("metrics", endpoint: text, reason: reason)
        }
        return (descriptor, "\(text[..<text.lastIndex(of: ":")!]):\(port(of: descriptor))")
    }

    private func port(of descriptor: Int32) -> UInt16 {
        var name = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &size) }
        }
        // At the same place in both families.
        return UInt16(bigEndian: name.sin6_port)
    }
}
