import AnabranchCore
import Scheduling
import Wire

extension CoordinatorLoop {
    /// Somebody might end without a word.
    var needsProbe: Bool { !engine.writersToProbe.isEmpty || !engine.clientsWithoutWriter.isEmpty }

    /// A process that ends says nothing on the control socket. One that writes objects holds a lock, which is tried; the
    /// others are sent an empty message, which fails once their connection is gone.
    func probeWriters() {
        let ended = engine.writersToProbe.filter { !store.isAlive($0) }
        if !ended.isEmpty { events.append(.writersEnded(ended)) }
        for client in engine.clientsWithoutWriter {
            do throws(WireError) {
                try send(FromCoordinator(request: 0, body: .releaseObjects([])), to: client)
            } catch {
                logger.warning("cannot probe a client", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Names of connections are kept for clients that were welcomed, and no longer than they stay.
    func forgetStrangers(_ batch: [EngineEvent]) {
        for event in batch {
            switch event {
            case .workerHello(let client, _, _), .clientHello(let client, _, _), .requested(let client, _, _),
                .clientVanished(let client):
                if !engine.isWelcomed(client) { connections.forget(client) }
            default: break
            }
        }
    }
}
