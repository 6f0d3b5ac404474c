import AnabranchCore
import Scheduling
import Wire

extension CoordinatorLoop {
    /// Messages taken from one socket before the engine gets to decide.
    private static let bound = 1024

    func receiveInbox() throws(WireError) {
        for _ in 0..<Self.bound {
            guard try sockets.inbox.receive(into: frame) else { return }
            do throws(WireError) {
                let batch = try frame.withUnsafeBytes { bytes throws(WireError) in try ResultBatch(decoding: bytes) }
                events.append(.workerReported(batch))
            } catch {
                drop(error, from: "the inbox")
            }
        }
    }

    func receiveControl() throws(WireError) {
        for _ in 0..<Self.bound {
            guard let name = try sockets.control.receive(withPrefix: prefix, into: frame) else { return }
            countMalformed()
            do throws(WireError) {
                let message = try frame.withUnsafeBytes { bytes throws(WireError) in try ToCoordinator(decoding: bytes)
                }
                events.append(message.event(from: connections.number(of: name)))
            } catch {
                drop(error, from: "a control connection")
                if case .version = error {
                    let refusal = ControlError(code: .versionMismatch, message: error.description)
                    try sockets.control.send(name, FromCoordinator(request: 0, body: .error(refusal)).encoded())
                }
            }
        }
    }

    /// Messages of a wrong number of frames were dropped by the sockets themselves.
    func countMalformed() {
        let total = sockets.control.malformedMessages + sockets.inbox.malformedMessages
        while malformedMessages < total {
            malformedMessages += 1
            events.append(.messageDropped)
        }
    }

    func watchLane(_ worker: WorkerID) throws(WireError) {
        while let event = try lanes[worker]?.monitor.next() {
            switch event {
            case .connected: events.append(.workerConnected(worker))
            case .disconnected: events.append(.workerDisconnected(worker))
            case .failed(let failure):
                logger.debug("a lane does not come about", metadata: ["worker": "\(worker)", "failure": "\(failure)"])
                if failure.isFinal { events.append(.workerDisconnected(worker)) }
            }
        }
    }

    private func drop(_ error: WireError, from place: String) {
        events.append(.messageDropped)
        logger.debug("dropped a message from \(place)", metadata: ["error": "\(error)"])
    }
}
