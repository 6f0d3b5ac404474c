import AnabranchCore
import Wire

/// A client that submits calls and counts what comes back. Used by one thread.
package final class CrowdClient {
    private let connection: ControlConnection
    package let welcome: ClientWelcome
    private let run: RunID
    private var submitted: UInt64 = 0
    private let frame = Frame()
    /// Seconds that any answer may take.
    private static let patience = 60.0

    package init(_ address: String, version: String, keys: ClientKeys? = nil) throws {
        connection = try ControlConnection(address, keys: keys)
        let hello = ClientHello(versions: Versions(anabranch: version), name: "crowd")
        guard
            case .clientWelcome(let welcome)? = try connection.ask(
                .clientHello(hello), within: Self.patience, isRepeatable: true),
            case .runAccepted(let run)? = try connection.ask(.openSession(name: "crowd"), within: Self.patience)
        else { throw WireError.system(operation: "hello", reason: "answered with something else") }
        self.welcome = welcome
        self.run = run
    }

    /// Submits calls and waits for their results.
    ///
    /// - Parameter piece: Calls in one message.
    /// - Throws: `WireError` when a result fails, comes twice, or does not come.
    package func call(_ count: Int, piece: Int = 500) throws {
        var expected: Set<CallID> = []
        var rest = count
        while rest > 0 {
            let calls = (0..<min(rest, piece)).map { _ -> Call in
                submitted += 1
                return Call(id: CallID(submitted), function: .python(function: nothing(1), arguments: nothing(2)))
            }
            expected.formUnion(calls.map(\.id))
            rest -= calls.count
            let request = ToCoordinator(request: 0, body: .submitCalls(SubmitCalls(run: run, calls: calls)))
            try connection.socket.send(request.encoded())
        }
        var poller = Poller<Int>()
        poller.watch(connection.socket, as: 0)
        while !expected.isEmpty {
            if try poller.wait(milliseconds: Int(Self.patience * 1000)).isEmpty {
                throw WireError.system(operation: "calls", reason: "\(expected.count) have no result")
            }
            try receive(&expected)
        }
    }

    private func receive(_ expected: inout Set<CallID>) throws {
        while try connection.socket.receive(into: frame) {
            let message = try frame.withUnsafeBytes { bytes throws(WireError) in try FromCoordinator(decoding: bytes) }
            guard case .callResults(let results) = message.body else { continue }
            for result in results.results {
                guard expected.remove(result.call) != nil, case .value = result.outcome else {
                    throw WireError.invalid(field: "call \(result.call)", reason: "failed, or came twice")
                }
            }
        }
    }

    private func nothing(_ sequence: UInt64) -> ObjectRef {
        ObjectRef(
            id: ObjectID(writer: WriterID(1), sequence: sequence), encoding: .pickle5, length: 1, location: .inline([0])
        )
    }
}
