import AnabranchCore
import Foundation
import Synchronization
import Testing
import Worker

/// Runs a worker on a thread of its own.
final class WorkerThread {
    private struct State {
        var stop: Worker.StopSignal?
        var outcome: Result<Void, any Error>?
    }

    private final class Shared: Sendable {
        let state = Mutex(State())
        let ended = DispatchSemaphore(value: 0)
    }

    private let shared = Shared()

    init(_ configuration: WorkerConfiguration) {
        let shared = shared
        Thread {
            let outcome = Result {
                let worker = try Worker(configuration)
                shared.state.withLock { $0.stop = worker.stop }
                try worker.run()
            }
            shared.state.withLock { $0.outcome = outcome }
            shared.ended.signal()
        }.start()
    }

    var stop: Worker.StopSignal? { shared.state.withLock { $0.stop } }

    /// Waits for the end of `run`.
    func outcome(seconds: Double = 20) throws -> Result<Void, any Error> {
        try #require(shared.ended.wait(timeout: .now() + seconds) == .success, "the worker did not end")
        return try #require(shared.state.withLock { $0.outcome })
    }

    static func interpreter(_ name: String = "python") -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name)").path()
    }

    static func configuration(
        of coordinator: FakeCoordinator, slots: Int = 1, python: String = interpreter()
    ) -> WorkerConfiguration {
        WorkerConfiguration(
            address: coordinator.address, slots: slots, python: python, threadsPerSlot: 3, welcomeSeconds: 20,
            version: "9.9")
    }
}
