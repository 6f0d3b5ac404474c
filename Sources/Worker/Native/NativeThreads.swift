import AnabranchCore
import Foundation
import Wire

/// Runs native functions, one thread per slot, started on the slot's first task.
///
/// Threads take batches from the loop and give results back; `finished` wakes the loop.
/// `@unchecked Sendable`: all mutable state is guarded by `condition`.
final class NativeThreads: @unchecked Sendable {
    typealias Finished = (slot: SlotIndex, results: [TaskResult])

    private let condition = NSCondition()
    private var waiting: [SlotIndex: [TaskAssignment]] = [:]
    private var results: [Finished] = []
    private var started: Set<SlotIndex> = []
    private var isStopped = false

    private let functions: NativeFunctionRegistry
    private let host: String
    private let finished: @Sendable () -> Void

    init(_ functions: NativeFunctionRegistry, host: String, finished: @escaping @Sendable () -> Void) {
        self.functions = functions
        self.host = host
        self.finished = finished
    }

    func run(_ slot: SlotIndex, _ tasks: [TaskAssignment]) {
        condition.lock()
        defer { condition.unlock() }
        waiting[slot, default: []].append(contentsOf: tasks)
        if started.insert(slot).inserted {
            let thread = Thread { [weak self] in self?.serve(slot) }
            thread.name = "native-\(slot)"
            thread.start()
        }
        condition.broadcast()
    }

    /// What has been done since the last call.
    func takeFinished() -> [Finished] {
        condition.lock()
        defer { condition.unlock() }
        defer { results.removeAll(keepingCapacity: true) }
        return results
    }

    /// Threads end after the task that they run.
    func stop() {
        condition.lock()
        isStopped = true
        condition.broadcast()
        condition.unlock()
    }

    private func serve(_ slot: SlotIndex) {
        while let tasks = next(slot) {
            let done = tasks.map(perform)
            condition.lock()
            results.append((slot, done))
            condition.unlock()
            finished()
        }
    }

    private func next(_ slot: SlotIndex) -> [TaskAssignment]? {
        condition.lock()
        defer { condition.unlock() }
        while !isStopped {
            if let tasks = waiting.removeValue(forKey: slot) { return tasks }
            condition.wait()
        }
        return nil
    }

    private func perform(_ task: TaskAssignment) -> TaskResult {
        var usage = Usage()
        usage.startedMicroseconds = MonotonicClock.now.microseconds
        let outcome = outcome(of: task)
        usage.computeMicroseconds = MonotonicClock.now.microseconds - usage.startedMicroseconds
        return TaskResult(attempt: task.attempt, outcome: outcome, usage: usage)
    }

    private func outcome(of task: TaskAssignment) -> Outcome {
        guard case .native(let work) = task.work else {
            return .failure(
                Failure(kind: .invalid, message: "a task that is not native came to a native slot", host: host))
        }
        guard let function = functions.function(named: work.function) else {
            let known = functions.names.joined(separator: ", ")
            return .failure(
                Failure(
                    kind: .invalid, message: "this worker has no native function '\(work.function)'; it has \(known)",
                    host: host))
        }
        do {
            return .success(try function(NativeCall(work: work, key: task.key, node: task.node)))
        } catch {
            return .failure(
                Failure(kind: .exception, type: "\(type(of: error))", message: "\(error)", host: host))
        }
    }
}
