import Dispatch
import Synchronization
import Wire

/// Damaged messages, by the million, to what stands behind each socket.
struct ByteBulk: Sendable {
    enum Socket: String, CaseIterable, Sendable {
        case control, inbox, lane, runtime, client, events, tensor
    }

    struct Outcome: Sendable {
        let socket: Socket
        var messages = 0
        var understood = 0
        var failure: String?
    }

    var seed: UInt64
    /// Messages to each socket.
    var count: Int
    var corpus: Corpus

    /// Each socket on a thread of its own, as many at once as there are cores.
    func run(_ sockets: [Socket]) -> [Outcome] {
        let outcomes = Mutex<[Outcome]>([])
        DispatchQueue.concurrentPerform(iterations: sockets.count) { index in
            let outcome = run(sockets[index])
            outcomes.withLock { $0.append(outcome) }
        }
        return outcomes.withLock { $0 }.sorted { $0.socket.rawValue < $1.socket.rawValue }
    }

    private func run(_ socket: Socket) -> Outcome {
        do {
            return switch socket {
            case .control: run(socket, try EngineTarget(.control, corpus))
            case .inbox: run(socket, try EngineTarget(.inbox, corpus))
            case .lane: run(socket, try WorkerTarget(.lane, corpus))
            case .runtime: run(socket, try WorkerTarget(.runtime, corpus))
            case .client: run(socket, DecodingTarget<FromCoordinator>(corpus: try corpus.messages("FromCoordinator")))
            case .events: run(socket, DecodingTarget<Event>(corpus: try corpus.messages("Event")))
            case .tensor: run(socket, TensorTarget())
            }
        } catch {
            return Outcome(socket: socket, failure: "\(error)")
        }
    }

    func run(_ socket: Socket, _ fresh: some ByteTarget) -> Outcome {
        var target = fresh
        var outcome = Outcome(socket: socket)
        var random = SplitMix64(seed: seed ^ UInt64(socket.rawValue.utf8.reduce(0) { $0 &* 31 &+ UInt32($1) }))
        var message: [UInt8] = []
        do {
            while outcome.messages < count {
                let original = target.original(using: &random)
                message =
                    switch random.integer(0...9_999) {
                    case 0: ByteMutator.oversize(original, to: 1 << 20)
                    case 1...100: original
                    default: ByteMutator.mutate(original, using: &random)
                    }
                outcome.messages += 1
                if try target.take(message) { outcome.understood += 1 }
            }
            message = []
            try target.end()
        } catch {
            let hex = message.prefix(512).map { String($0, radix: 16) }.joined(separator: " ")
            outcome.failure = "\(error)\n  after message \(outcome.messages) of seed \(seed): \(hex)"
        }
        return outcome
    }
}
