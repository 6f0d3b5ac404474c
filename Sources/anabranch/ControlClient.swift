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
        try answer(to: 2, of: [hello, body], within: Self.patience)
    }

    /// What a coordinator tells every client: where its store is.
    ///
    /// - Throws: `CommandFailure` when nobody answers within so many seconds, or it will not have this program.
    func welcome(within seconds: Double) throws -> ClientWelcome {
        guard case .clientWelcome(let welcome) = try answer(to: 1, of: [hello], within: seconds) else {
            throw CommandFailure(.wrongRequest, "the coordinator at \(address) answered something else than a welcome")
        }
        return welcome
    }

    private var hello: ToCoordinator.Body {
        .clientHello(ClientHello(versions: Versions(anabranch: AnabranchCommand.version), name: "anabranch"))
    }

    /// Sends requests, numbered from 1, and waits for the answer to one of them.
    private func answer(
        to number: UInt64, of requests: [ToCoordinator.Body], within seconds: Double
    ) throws -> FromCoordinator.Body {
        do {
            let context = try ZMQContext()
            let socket = try Socket(context, .dealer)
            try socket.set(.maxMessageSize(MessageLimit.control))
            try socket.connect(address)
            for (request, body) in zip(UInt64(1)..., requests) {
                try socket.send(ToCoordinator(request: request, body: body).encoded())
            }
            let frame = Frame()
            var poller = Poller<Int>()
            poller.watch(socket, as: 0)
            let deadline = Date().addingTimeInterval(seconds)
            while deadline.timeIntervalSinceNow > 0 {
                _ = try poller.wait(milliseconds: Int(deadline.timeIntervalSinceNow * 1_000) + 1)
                while try socket.receive(into: frame) {
                    let answer = try frame.withUnsafeBytes { bytes throws(WireError) in
                        try FromCoordinator(decoding: bytes)
                    }
                    if case .error(let error) = answer.body { throw CommandFailure(.wrongRequest, error.message) }
                    if answer.request == number { return answer.body }
                }
            }
        } catch let error as WireError {
            throw CommandFailure(.unreachable, "\(error)")
        }
        throw CommandFailure(
            .unreachable,
            "no coordinator answered at \(address) within \(Int(seconds)) s: is it running, and is the address right?"
        )
    }
}
