import Coordinator
import Foundation
import Scheduling
import Synchronization

/// A coordinator on a thread of its own, whose time is taken.
final class TimedCoordinator: Sendable {
    private let coordinator: Coordinator
    private let clock = Mutex<clockid_t>(0)
    private let ended = DispatchSemaphore(value: 0)

    init(_ configuration: CoordinatorConfiguration) throws {
        coordinator = try Coordinator(configuration: configuration)
        let begun = DispatchSemaphore(value: 0)
        Thread.detachNewThread { [self] in
            clock.withLock { _ = pthread_getcpuclockid(pthread_self(), &$0) }
            begun.signal()
            try? coordinator.run()
            ended.signal()
        }
        begun.wait()
    }

    var address: String { coordinator.address }

    /// That the thread has worked so far.
    var cpuSeconds: Double {
        var time = timespec()
        clock.withLock { _ = clock_gettime($0, &time) }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Once it has ended.
    var counters: SchedulerCounters { coordinator.counters }

    func end() {
        coordinator.stop()
        coordinator.stop()
        ended.wait()
    }
}
