import Foundation

/// The worker of an embedded pool: a child process that is started again when it dies.
///
/// The child watches a pipe whose write end is here, so that it ends with this process however that ends.
/// `@unchecked Sendable`: `state` is guarded by `lock`.
final class WorkerChild: @unchecked Sendable {
    /// A child that lives shorter than this is not replaced at once.
    private static let shortLife = 1.0

    private struct State {
        var process: Process?
        var isStopped = false
        var startedAt = Date.distantPast
    }

    private let arguments: [String]
    private let lock = NSLock()
    private var state = State()
    private let watch = Pipe()

    init(arguments: [String]) { self.arguments = arguments }

    func start() throws {
        lock.lock()
        defer { lock.unlock() }
        guard !state.isStopped else { return }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Interpreter.ownPath)
        // Foundation gives a child nothing but the three standard streams: the watch pipe is its standard input.
        process.arguments = arguments + ["--watch-fd", "0"]
        process.standardInput = watch.fileHandleForReading
        process.standardOutput = FileHandle.standardError
        process.terminationHandler = { [weak self] _ in self?.ended() }
        state.startedAt = Date()
        try process.run()
        state.process = process
    }

    /// Ends the child and does not start another.
    func stop() {
        lock.lock()
        state.isStopped = true
        let process = state.process
        lock.unlock()
        try? watch.fileHandleForWriting.close()
        process?.waitUntilExit()
    }

    private func ended() {
        lock.lock()
        let lived = Date().timeIntervalSince(state.startedAt)
        let isStopped = state.isStopped
        lock.unlock()
        if isStopped { return }
        let pause = lived < Self.shortLife ? Self.shortLife : 0
        DispatchQueue.global().asyncAfter(deadline: .now() + pause) { [weak self] in
            do {
                try self?.start()
            } catch {
                FileHandle.standardError.write(Data("anabranch: the worker cannot be started again: \(error)\n".utf8))
            }
        }
    }
}
