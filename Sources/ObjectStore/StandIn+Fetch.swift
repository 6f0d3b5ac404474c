import Glibc

extension StandIn {
    /// In the length's place when an error's text follows.
    private static let refused = UInt64.max
    /// Seconds without a byte after which who keeps the object is thought not to answer.
    private static let patience = 60

    /// Asks for the bytes and waits for them.
    func fetch() throws(Refusal) -> [UInt8] {
        do {
            let connection = try FileDescriptor(connectingTo: address, patience: Self.patience)
            try connection.send(Array("\(token)\n".utf8))
            var head = [UInt8](repeating: 0, count: 8)
            guard try connection.receive(into: &head) == head.count else { throw SystemError(code: ECONNRESET) }
            let whole = head.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            if whole == UInt64(length) {
                var bytes = [UInt8](repeating: 0, count: length)
                guard try connection.receive(into: &bytes) == length else { throw SystemError(code: ECONNRESET) }
                return bytes
            }
            guard whole == Self.refused else { throw SystemError(code: EPROTO) }
            var text = [UInt8](repeating: 0, count: 4096)
            let count = try connection.receive(into: &text)
            throw Refusal(reason: String(decoding: text[..<count], as: UTF8.self))
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            throw Refusal(reason: "the worker on \(host) that kept it on its Ray cluster does not answer: \(error)")
        }
    }
}

extension FileDescriptor {
    /// A stream to the socket at this path, on which neither sending nor receiving waits longer than `patience` seconds.
    fileprivate init(connectingTo path: String, patience: Int) throws(SystemError) {
        self.init(adopting: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
        if raw < 0 { throw .current }
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(raw, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw SystemError(code: ENAMETOOLONG) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if connected != 0 { throw .current }
    }

    fileprivate func send(_ bytes: [UInt8]) throws(SystemError) {
        // A request is far smaller than what a socket takes at once.
        guard Glibc.send(raw, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { throw .current }
    }

    /// Fills `bytes` and returns how many there were before the end.
    fileprivate func receive(into bytes: inout [UInt8]) throws(SystemError) -> Int {
        var count = 0
        while count < bytes.count {
            let position = count
            let got = bytes.withUnsafeMutableBytes { recv(raw, $0.baseAddress! + position, $0.count - position, 0) }
            if got == 0 { break }
            if got < 0 {
                if errno == EINTR { continue }
                throw .current
            }
            count += got
        }
        return count
    }
}
