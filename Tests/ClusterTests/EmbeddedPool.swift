import AnabranchCore
import Foundation
import Testing
import Wire

/// A real embedded pool: the program of this build, a coordinator's process and a worker's process.
///
/// The pool's watch descriptor is its standard input; closing the write end here is what the death of a client is.
final class EmbeddedPool {
    struct Announcement: Decodable {
        let address: String
        let store: String
        let pid: Int32
    }

    let process = Process()
    let announcement: Announcement
    private let watch = Pipe()

    init(slots: Int, flags: [String] = []) throws {
        let own = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        let program = own.deletingLastPathComponent().appendingPathComponent("anabranch")
        try #require(FileManager.default.isExecutableFile(atPath: program.path), "\(program.path) has not been built")
        process.executableURL = program
        process.arguments = ["pool", "--slots", "\(slots)", "--watch-fd", "0"] + flags
        process.standardInput = watch.fileHandleForReading
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        var line = Foundation.Data()
        while !line.contains(UInt8(ascii: "\n")) {
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { break }
            line.append(more)
        }
        announcement = try JSONDecoder().decode(Announcement.self, from: line)
    }

    deinit {
        try? watch.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// What happens when the client dies.
    func loseClient() throws {
        try watch.fileHandleForWriting.close()
    }

    func waitUntilGone() { process.waitUntilExit() }
}

/// A client of a real coordinator, as thin as can be.
final class TestClient {
    private let context: ZMQContext
    private let socket: Socket
    private let frame = FrameBox()
    private var poller = Poller<Int>()
    private var requests: UInt64 = 0
    private(set) var pushed: [FromCoordinator.Body] = []

    private final class FrameBox {
        let frame = Frame()
    }

    init(_ address: String) throws {
        context = try ZMQContext()
        socket = try Socket(context, .dealer)
        try socket.connect(address)
        poller.watch(socket, as: 0)
    }

    func ask(_ body: ToCoordinator.Body) throws -> FromCoordinator.Body {
        requests += 1
        let request = requests
        try socket.send(ToCoordinator(request: request, body: body).encoded())
        while true {
            let message = try next()
            if message.request == request { return message.body }
            pushed.append(message.body)
        }
    }

    func tell(_ body: ToCoordinator.Body) throws {
        requests += 1
        try socket.send(ToCoordinator(request: requests, body: body).encoded())
    }

    func nextPushed() throws -> FromCoordinator.Body {
        if !pushed.isEmpty { return pushed.removeFirst() }
        return try next().body
    }

    /// The next message; fails the test when none comes for 30 s.
    private func next() throws -> FromCoordinator {
        while true {
            if try socket.receive(into: frame.frame) {
                return try frame.frame.withUnsafeBytes { bytes throws(WireError) in try FromCoordinator(decoding: bytes)
                }
            }
            let ready = try poller.wait(milliseconds: 30_000)
            try #require(!ready.isEmpty, "the coordinator says nothing")
        }
    }
}
