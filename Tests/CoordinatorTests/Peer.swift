import AnabranchCore
import Foundation
import Wire

/// A control connection of a test, which waits for what it expects and for nothing else.
final class Peer {
    enum Silence: Error { case nothingCame }

    let context: ZMQContext
    let control: Socket
    private let frame = FrameKeeper()
    private var request: UInt64 = 0
    private var kept: [FromCoordinator] = []

    init(_ address: String) throws {
        context = try ZMQContext()
        control = try Socket(context, .dealer)
        try control.connect(address)
    }

    @discardableResult
    func send(_ body: ToCoordinator.Body) throws -> UInt64 {
        request += 1
        try control.send(ToCoordinator(request: request, body: body).encoded())
        return request
    }

    /// Sends and waits for the answer to it.
    func ask(_ body: ToCoordinator.Body) throws -> FromCoordinator.Body {
        let number = try send(body)
        return try next { $0.request == number }.body
    }

    func hello(writer: WriterID? = nil) throws -> ClientWelcome {
        let answer = try ask(
            .clientHello(ClientHello(versions: Versions(anabranch: "1.0"), writer: writer, name: "test")))
        guard case .clientWelcome(let welcome) = answer else { throw Silence.nothingCame }
        return welcome
    }

    /// The next message that is wanted; others are kept for later.
    func next(_ isWanted: (FromCoordinator) -> Bool) throws -> FromCoordinator {
        if let index = kept.firstIndex(where: isWanted) { return kept.remove(at: index) }
        var poller = Poller<Int>()
        poller.watch(control, as: 0)
        while true {
            while try control.receive(into: frame.frame) {
                let message = try frame.frame.withUnsafeBytes { bytes throws(WireError) in
                    try FromCoordinator(decoding: bytes)
                }
                if isWanted(message) { return message }
                kept.append(message)
            }
            if try poller.wait(milliseconds: 20_000).isEmpty { throw Silence.nothingCame }
        }
    }

    func close() { control.close() }
}

/// A frame that a class can keep.
final class FrameKeeper {
    let frame = Frame()
}
