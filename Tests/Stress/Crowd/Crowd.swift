import AnabranchCore
import Foundation
import Synchronization
import Wire

/// Many simulated workers of one coordinator, on a thread of their own.
package final class Crowd: Sendable {
    private enum Token: Hashable, Sendable {
        case lane(Int)
        case control(Int)
        case stop
    }

    private static let beatSeconds = 1.0

    private let stop: Wakeup
    private let ended = DispatchSemaphore(value: 0)
    private let joined = DispatchSemaphore(value: 0)
    private let outcome = Mutex<Result<[Int], any Error>?>(nil)

    /// Starts the workers; returns when all have joined.
    ///
    /// - Throws: what a worker came to grief over.
    package init(_ count: Int, address: String, store: ClientWelcome, keys: ClientKeys? = nil) throws {
        stop = try Wakeup()
        Thread.detachNewThread { [self] in
            let result = Result { try serve(count, address, store, keys) }
            outcome.withLock { $0 = result }
            joined.signal()
            ended.signal()
        }
        joined.wait()
        if case .failure(let error)? = outcome.withLock({ $0 }) { throw error }
    }

    /// Ends the workers without a word.
    ///
    /// - Returns: How many tasks each has answered.
    package func end() throws -> [Int] {
        stop.signal()
        ended.wait()
        return try outcome.withLock { $0 }?.get() ?? []
    }

    private func serve(_ count: Int, _ address: String, _ store: ClientWelcome, _ keys: ClientKeys?) throws -> [Int] {
        let context = try ZMQContext()
        let workers = try (0..<count).map {
            try CrowdWorker(UInt64($0 + 1), address: address, store: store, keys: keys, in: context)
        }
        var poller = Poller<Token>()
        poller.watch(descriptor: stop.descriptor, as: .stop)
        for (index, worker) in workers.enumerated() {
            poller.watch(worker.control, as: .control(index))
            poller.watch(worker.lane, as: .lane(index))
        }
        var waiting = count
        var nextBeat = Date()
        while true {
            if Date() >= nextBeat {
                for worker in workers { try worker.beat() }
                nextBeat = Date().addingTimeInterval(Self.beatSeconds)
            }
            for token in try poller.wait(milliseconds: max(1, Int(nextBeat.timeIntervalSinceNow * 1000))) {
                switch token {
                case .lane(let index): try workers[index].readLane()
                case .control(let index):
                    let before = workers[index].hasJoined
                    try workers[index].readControl()
                    if !before && workers[index].hasJoined { waiting -= 1 }
                    if !before && waiting == 0 { joined.signal() }
                case .stop: return workers.map(\.answered)
                }
            }
        }
    }
}
