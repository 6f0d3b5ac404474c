import AnabranchCore
import Foundation
import Wire

/// One question to a coordinator and its answer.
struct ControlClient {
    /// No question waits longer for its answer.
    static let patience = 10.0

    let address: String

    /// - Throws: `CommandFailure` when nobody answers, or the answer is an error.
    func ask(_ body: ToCoordinator.Body) throws -> FromCoordinator.Body {
        do {
            let context = try ZMQContext()
            let socket = try Socket(context, .dealer)
            try socket.set(.maxMessageSize(MessageLimit.control))
            try socket.connect(address)
            let hello = ClientHello(versions: Versions(anabranch: AnabranchCommand.version), name: "anabranch")
            try socket.send(ToCoordinator(request: 1, body: .clientHello(hello)).encoded())
            try socket.send(ToCoordinator(request: 2, body: body).encoded())
            let frame = Frame()
            var poller = Poller<Int>()
            poller.watch(socket, as: 0)
            let deadline = Date().addingTimeInterval(Self.patience)
            while deadline.timeIntervalSinceNow > 0 {
                _ = try poller.wait(milliseconds: Int(deadline.timeIntervalSinceNow * 1_000) + 1)
                while try socket.receive(into: frame) {
                    let answer = try frame.withUnsafeBytes { bytes throws(WireError) in
                        try FromCoordinator(decoding: bytes)
                    }
                    if case .error(let error) = answer.body { throw CommandFailure(.wrongRequest, error.message) }
                    if answer.request == 2 { return answer.body }
                }
            }
        } catch let error as WireError {
            throw CommandFailure(.unreachable, "\(error)")
        }
        throw CommandFailure(
            .unreachable,
            "no coordinator answered at \(address) within \(Int(Self.patience)) s: is it running, and is the address right?"
        )
    }
}
