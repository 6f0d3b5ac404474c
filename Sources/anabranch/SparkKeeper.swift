import Foundation

/// The process that keeps a worker's Spark session: started before the worker, and again when it has died.
///
/// It watches a pipe whose write end is here, so that it and its JVM end with this process, however that ends.
/// `@unchecked Sendable`: `state` is guarded by `lock`.
final class SparkKeeper: @unchecked Sendable {
    /// One that lives shorter than this, once it is ready, is replaced after as long, and after twice as long each time
    /// that it is so again.
    private static let shortLife = 5.0
    private static let longestPause = 40.0
    /// What it gets to end its JVM.
    private static let endSeconds = 10.0

    private struct State {
        var process: Process?
        var isStopped = false
        /// When it said that it was, nil before.
        var readySince: Date?
        /// Whether any ever was: before, whoever starts it is told what is wrong.
        var wasReady = false
        var pause = 0.0
    }

    /// Where slots ask for the session.
    let socket: String
    private let directory: String
    private let python: String
    private let arguments: [String]
    private let lock = NSLock()
    private var state = State()
    private let watch = Pipe()

    /// Starts the keeper, which first looks whether a session can be started here.
    ///
    /// - Throws: `CommandFailure` with what it says: no Java, no pyspark that fits, a master that does not answer.
    static func start(_ options: SparkOptions, python: String) throws -> SparkKeeper {
        let keeper = try SparkKeeper(options, python: python)
        if let complaint = try keeper.launch() {
            keeper.stop()
            throw CommandFailure(.unreachable, complaint)
        }
        return keeper
    }

    private init(_ options: SparkOptions, python: String) throws {
        directory = FileManager.default.temporaryDirectory.path + "/anabranch-spark-\(getuid())-\(getpid())"
        socket = directory + "/keeper"
        self.python = python
        arguments = ["-m", "anabranch.runtime.spark", "--directory", directory] + options.arguments
    }

    /// - Returns: what is wrong, nil when the keeper is ready.
    private func launch() throws -> String? {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = arguments
        // Foundation gives a child nothing but the three standard streams.
        process.standardInput = watch.fileHandleForReading
        process.standardOutput = output
        process.terminationHandler = { [weak self] process in self?.ended(process) }
        lock.lock()
        if state.isStopped {
            lock.unlock()
            return nil
        }
        state.readySince = nil
        do {
            try process.run()
            state.process = process
            lock.unlock()
        } catch {
            lock.unlock()
            throw error
        }
        // It closes its output once it has said "ready", or what is wrong.
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        if said == "ready" {
            becameReady(process)
            return nil
        }
        return said.isEmpty ? "the keeper of the Spark session has ended without a word" : said
    }

    /// Ends the keeper with its session, and does not start another.
    func stop() {
        lock.lock()
        state.isStopped = true
        let process = state.process
        lock.unlock()
        try? watch.fileHandleForWriting.close()
        if let process {
            let deadline = Date().addingTimeInterval(Self.endSeconds)
            while process.isRunning, Date() < deadline { usleep(10_000) }
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        }
        try? FileManager.default.removeItem(atPath: directory)
    }

    private func becameReady(_ process: Process) {
        lock.lock()
        state.readySince = Date()
        state.wasReady = true
        lock.unlock()
        // Its end may have been told before anybody knew that it had been ready.
        if !process.isRunning { ended(process) }
    }

    /// It is replaced, once.
    private func ended(_ process: Process) {
        lock.lock()
        let isNews = state.process === process && state.wasReady
        if isNews {
            state.process = nil
            state.pause = pause(after: state.readySince)
        }
        lock.unlock()
        if isNews { replace() }
    }

    /// Seconds before the next one is started, after one that was ready since then; the lock is held.
    private func pause(after readySince: Date?) -> Double {
        let isShort = readySince.map { Date().timeIntervalSince($0) < Self.shortLife } ?? true
        return isShort ? min(max(state.pause * 2, Self.shortLife), Self.longestPause) : 0
    }

    private func replace() {
        lock.lock()
        let (isStopped, pause) = (state.isStopped, state.pause)
        lock.unlock()
        if isStopped { return }
        DispatchQueue.global().asyncAfter(deadline: .now() + pause) { [weak self] in
            guard let self else { return }
            do {
                if let problem = try launch() { say(problem) }
            } catch {
                say("\(error)")
                // Of what could not be started no end is told.
                lock.lock()
                state.pause = self.pause(after: nil)
                lock.unlock()
                replace()
            }
        }
    }

    private func say(_ problem: String) {
        FileHandle.standardError.write(Data("anabranch: the Spark session's keeper: \(problem)\n".utf8))
    }
}
