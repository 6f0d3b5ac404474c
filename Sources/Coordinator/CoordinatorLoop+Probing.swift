import AnabranchCore
import Scheduling
import Wire

extension CoordinatorLoop {
    /// Somebody might end without a word.
    var needsProbe: Bool { !engine.writersToProbe.isEmpty || !engine.clientsWithoutWriter.isEmpty }

    /// A process that ends says nothing on the control socket. One that writes objects holds a lock, which is tried; the
    /// others are sent an empty message, which fails once their connection is gone. So is a client that was welcomed and may
    /// yet have to take its lock.
    func probeWriters() {
        var ended: [WriterID] = []
        var withoutLock = engine.clientsWithoutWriter
        for writer in engine.writersToProbe {
            if store.isAlive(writer) {
                lockedWriters.insert(writer)
            } else if !lockedWriters.contains(writer), let client = engine.client(writing: writer) {
                withoutLock.append(client)
            } else {
                ended.append(writer)
            }
        }
        lockedWriters.subtract(ended)
        if !ended.isEmpty { events.append(.writersEnded(ended)) }
        for client in withoutLock {
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
                if !ask({ $0.isWelcomed(client) }) { connections.forget(client) }
            default: break
            }
        }
    }
}
