import AnabranchCore

/// A conversation of questions and answers with a coordinator. Used by one thread at a time.
public final class ControlConnection {
    /// A question whose answer may be lost with a connection is asked again. Milliseconds.
    private static let repeatMilliseconds = 500

    public let address: String
    public let socket: Socket
    private let context: ZMQContext
    private let monitor: SocketMonitor
    private let hasKeys: Bool
    private let frame = Frame()
    private var request: UInt64 = 0
    /// What stood in the way last.
    private var failure: HandshakeFailure?

    private enum Token: Hashable {
        case control, connection
        case interruption(Int32)
    }

    /// - Parameter keys: Of a coordinator with keys, where the address is tcp.
    /// - Throws: `WireError` when the address is none.
    public init(_ address: String, keys: ClientKeys?) throws(WireError) {
        self.address = address
        hasKeys = keys != nil
        context = try ZMQContext()
        socket = try Socket(context, .dealer)
        try socket.set(.maxMessageSize(MessageLimit.control))
        if let keys { try socket.secure(as: keys.role) }
        monitor = try SocketMonitor(of: socket, in: context)
        try socket.connect(address)
    }

    deinit { socket.close() }

    /// Asks, and waits for the answer.
    ///
    /// - Parameters:
    ///   - isRepeatable: It may be asked again when no answer comes.
    ///   - interruptions: Descriptors; when one is readable, the waiting ends.
    /// - Returns: nil when it was interrupted.
    /// - Throws: `ConnectionFailure`: the coordinator's refusal, or that none answers within the time.
    public func ask(
        _ body: ToCoordinator.Body, within seconds: Double, isRepeatable: Bool = false, interruptions: [Int32] = []
    ) throws -> FromCoordinator.Body? {
        request += 1
        let message = ToCoordinator(request: request, body: body).encoded()
        var poller = Poller<Token>()
        poller.watch(socket, as: .control)
        poller.watch(monitor.events, as: .connection)
        for descriptor in interruptions { poller.watch(descriptor: descriptor, as: .interruption(descriptor)) }
        let clock = ContinuousClock()
        let deadline = clock.now.advanced(by: .seconds(seconds))
        var nextQuestion = clock.now
        while clock.now < deadline {
            if clock.now >= nextQuestion {
                try socket.send(message)
                nextQuestion =
                    isRepeatable
                    ? clock.now.advanced(by: .milliseconds(Self.repeatMilliseconds)) : deadline
            }
            let wait = clock.now.duration(to: min(deadline, nextQuestion))
            let milliseconds =
                Int(wait.components.seconds) * 1000 + Int(wait.components.attoseconds / 1_000_000_000_000_000)
            for token in try poller.wait(milliseconds: max(0, milliseconds) + 1) {
                switch token {
                case .control: if let answer = try answer() { return answer }
                case .connection: try watchConnection(seconds)
                case .interruption: return nil
                }
            }
        }
        throw ConnectionFailure.noAnswer(address: address, seconds: seconds, failure, hasKeys: hasKeys)
    }

    private func answer() throws -> FromCoordinator.Body? {
        while try socket.receive(into: frame) {
            let message: FromCoordinator
            do throws(WireError) {
                message = try frame.withUnsafeBytes { bytes throws(WireError) in try FromCoordinator(decoding: bytes) }
            } catch {
                if case .version(let found) = error {
                    throw ConnectionFailure.otherProtocol(address: address, found: found)
                }
                // Damaged: as if it had not come.
                continue
            }
            if case .error(let error) = message.body { throw ConnectionFailure.refused(address: address, error) }
            if message.request == request { return message.body }
        }
        return nil
    }

    private func watchConnection(_ seconds: Double) throws {
        while let event = try monitor.next() {
            switch event {
            case .connected: failure = nil
            case .disconnected: break
            case .failed(let new):
                failure = new
                if new.isFinal {
                    throw ConnectionFailure.noAnswer(address: address, seconds: seconds, new, hasKeys: hasKeys)
                }
            }
        }
    }
}
