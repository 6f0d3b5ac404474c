import Synchronization
import Wire

extension Worker {
    /// Asks a worker to end, from any thread or signal source.
    public final class StopSignal: Sendable {
        let wakeup: Wakeup
        private let drains = Atomic<Bool>(false)
        private let ends = Atomic<Bool>(false)

        public init() throws { wakeup = try Wakeup() }

        /// No new tasks; what runs is finished, the queue is given back.
        public func drain() {
            drains.store(true, ordering: .releasing)
            wakeup.signal()
        }

        /// Kills what runs.
        public func end() {
            ends.store(true, ordering: .releasing)
            wakeup.signal()
        }

        var isAsked: Bool { wantsDrain || wantsEnd }
        var wantsDrain: Bool { drains.load(ordering: .acquiring) }
        var wantsEnd: Bool { ends.load(ordering: .acquiring) }
    }
}
