import CProcess
import Foundation
import Wire

/// The descriptors between a worker and one runtime. Every one is close-on-exec.
struct RuntimePipes {
    /// The worker's ends: non-blocking, -1 once closed.
    var socket: Int32
    var output: Int32
    var errors: Int32
    /// The child's ends, open until it has started.
    private(set) var child: (socket: Int32, output: Int32, errors: Int32)?

    init() throws(WireError) {
        var pair: [Int32] = [-1, -1]
        var out: [Int32] = [-1, -1]
        var err: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &pair) == 0, anabranch_pipe(&out) == 0, anabranch_pipe(&err) == 0
        else {
            let reason = String(cString: strerror(errno))
            for descriptor in pair + out + err where descriptor >= 0 { Foundation.close(descriptor) }
            throw WireError.system(operation: "open a runtime's pipes", reason: reason)
        }
        socket = pair[0]
        output = out[0]
        errors = err[0]
        child = (pair[1], out[1], err[1])
        for descriptor in [socket, output, errors] {
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        }
    }

    mutating func closeChildEnds() {
        if let child { for descriptor in [child.socket, child.output, child.errors] { Foundation.close(descriptor) } }
        child = nil
    }

    mutating func closeSocket() { Self.close(&socket) }
    mutating func closeOutput() { Self.close(&output) }
    mutating func closeErrors() { Self.close(&errors) }

    mutating func closeAll() {
        closeChildEnds()
        closeSocket()
        closeOutput()
        closeErrors()
    }

    private static func close(_ descriptor: inout Int32) {
        if descriptor >= 0 { Foundation.close(descriptor) }
        descriptor = -1
    }
}
