import Coordinator
import Foundation
import Synchronization

/// A coordinator on a thread of its own, over a directory of its own.
final class RunningCoordinator: Sendable {
    let root: String
    let coordinator: Coordinator
    private let finished = DispatchSemaphore(value: 0)
    private let failure = Mutex<(any Error)?>(nil)

    init(change: (inout CoordinatorConfiguration) -> Void = { _ in }) throws {
        root = try Self.makeRoot()
        var configuration = Self.configuration(root)
        change(&configuration)
        coordinator = try Coordinator(configuration: configuration)
        Thread.detachNewThread { [self] in
            do {
                try coordinator.run()
            } catch {
                failure.withLock { $0 = error }
            }
            finished.signal()
        }
    }

    static func makeRoot() throws -> String {
        let root = "/tmp/anabranch-test-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        return root
    }

    static func configuration(_ root: String) -> CoordinatorConfiguration {
        var configuration = CoordinatorConfiguration(version: "1.0", storeRoot: root, storeBudget: 16 << 20)
        configuration.drainMilliseconds = 500
        configuration.logger.logLevel = .error
        return configuration
    }

    var address: String { coordinator.address }

    /// Waits for the end of the thread; answers whether it came, without an error, and left nothing.
    func hasEnded() -> Bool {
        guard finished.wait(timeout: .now() + 20) == .success else { return false }
        let left = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? ["unreadable"]
        try? FileManager.default.removeItem(atPath: root)
        return left.isEmpty && failure.withLock { $0 == nil }
    }

    func stop() -> Bool {
        coordinator.stop()
        return hasEnded()
    }
}
