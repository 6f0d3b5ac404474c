import Dispatch
import Foundation
import Synchronization
import Wire

/// What ends or disturbs a command that watches: signals, keys, a new size of the terminal.
final class Interruption: Sendable {
    private struct State {
        var status: Int32?
    }

    private let wakeup: Wakeup
    private let state = Mutex(State())
    /// Touched by the thread that makes it and ends it only.
    private nonisolated(unsafe) var signals: Signals?
    private nonisolated(unsafe) var keys: (any DispatchSourceRead)?

    init() throws {
        wakeup = try Wakeup()
        signals = Signals([
            SIGINT: { [weak self] _ in self?.end(with: 130) },
            SIGTERM: { [weak self] _ in self?.end(with: 143) },
            SIGHUP: { [weak self] _ in self?.end(with: 129) },
            SIGWINCH: { [weak self] _ in self?.wakeup.signal() },
        ])
    }

    /// Readable from a disturbance to the next `pause`.
    var descriptor: Int32 { wakeup.descriptor }

    /// The exit status, once an end has been asked for.
    var status: Int32? { state.withLock { $0.status } }

    /// Waits.
    ///
    /// - Returns: False when it was disturbed before the time was over.
    func pause(seconds: Double) throws -> Bool {
        var poller = Poller<Int>()
        poller.watch(descriptor: wakeup.descriptor, as: 0)
        let disturbed = try !poller.wait(milliseconds: Int(seconds * 1000)).isEmpty
        wakeup.clear()
        return !disturbed && status == nil
    }

    /// From now on, keys of a terminal in raw mode: q leaves, Ctrl-C interrupts.
    func watchKeys() {
        let source = DispatchSource.makeReadSource(fileDescriptor: STDIN_FILENO, queue: .global())
        source.setEventHandler { [weak self] in
            var bytes = [UInt8](repeating: 0, count: 64)
            let count = read(STDIN_FILENO, &bytes, bytes.count)
            for byte in bytes.prefix(max(0, count)) {
                switch byte {
                case UInt8(ascii: "q"), UInt8(ascii: "Q"): self?.end(with: 0)
                case 3: self?.end(with: 130)
                default: break
                }
            }
        }
        source.resume()
        keys = source
    }

    func cancel() {
        signals?.cancel()
        keys?.cancel()
    }

    private func end(with status: Int32) {
        state.withLock { $0.status = $0.status ?? status }
        wakeup.signal()
    }
}
