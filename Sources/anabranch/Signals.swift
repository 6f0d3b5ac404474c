import Dispatch
import Foundation

/// Turns signals into calls, on a thread of Dispatch's. The handler learns how often its signal has come.
final class Signals {
    private var sources: [any DispatchSourceSignal] = []

    init(_ handlers: [Int32: @Sendable (Int) -> Void]) {
        for (number, handler) in handlers {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            let count = Count()
            source.setEventHandler { handler(count.next()) }
            source.resume()
            sources.append(source)
        }
    }

    func cancel() {
        for source in sources { source.cancel() }
    }

    /// Touched by one source's handler, whose calls Dispatch runs one after the other.
    private final class Count: @unchecked Sendable {
        private var value = 0
        func next() -> Int {
            value += 1
            return value
        }
    }
}
