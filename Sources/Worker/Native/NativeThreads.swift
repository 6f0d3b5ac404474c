import AnabranchCore
import Foundation
import ObjectStore
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
    private var store: NativeStore?

    private let functions: NativeFunctionRegistry
    private let host: String
    private let finished: @Sendable () -> Void

    init(_ functions: NativeFunctionRegistry, host: String, finished: @escaping @Sendable () -> Void) {
        self.functions = functions
        self.host = host
        self.finished = finished
    }

    /// The store that functions called from now on read and write; nil: none can.
    func use(_ store: NativeStore?) {
        condition.lock()
        defer { condition.unlock() }
        self.store = store
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
        while let (tasks, store) = next(slot) {
            var done: [TaskResult] = []
            for task in tasks { done.append(perform(task, behind: done.last, slot, store)) }
            condition.lock()
            results.append((slot, done))
            condition.unlock()
            finished()
        }
    }

    private func next(_ slot: SlotIndex) -> (tasks: [TaskAssignment], store: NativeStore?)? {
        condition.lock()
        defer { condition.unlock() }
        while !isStopped {
            if let tasks = waiting.removeValue(forKey: slot) { return (tasks, store) }
            condition.wait()
        }
        return nil
    }

    /// A task that was sent ahead stands right behind the one that it waits for.
    private func perform(
        _ task: TaskAssignment, behind last: TaskResult?, _ slot: SlotIndex, _ store: NativeStore?
    ) -> TaskResult {
        guard let predecessor = task.after?.attempt else { return perform(task, slot, store) }
        guard let last, last.attempt == predecessor, let completed = task.completed(by: last) else {
            let message = "what it was sent ahead behind did not succeed"
            return TaskResult(
                attempt: task.attempt, outcome: .failure(Failure(kind: .cancelled, message: message, host: host)))
        }
        return perform(completed, slot, store)
    }

    private func perform(_ task: TaskAssignment, _ slot: SlotIndex, _ store: NativeStore?) -> TaskResult {
        let meter = NativeMeter()
        var usage = Usage()
        usage.slot = UInt32(slot.rawValue)
        usage.startedMicroseconds = MonotonicClock.now.microseconds
        let outcome = outcome(of: task, store, meter)
        usage.computeMicroseconds = MonotonicClock.now.microseconds - usage.startedMicroseconds
        meter.report(in: &usage)
        return TaskResult(attempt: task.attempt, outcome: outcome, usage: usage, holder: store?.writer.writer)
    }

    private func outcome(of task: TaskAssignment, _ store: NativeStore?, _ meter: NativeMeter) -> Outcome {
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
            return .success(
                try function(NativeCall(work: work, key: task.key, node: task.node, store: store, meter: meter)))
        } catch let error as StoreError {
            return .failure(
                Failure(
                    kind: error.failureKind, type: "StoreError", message: "\(error)", host: host, lost: error.lostObject
                )
            )
        } catch let error as NativeFunctionError {
            return .failure(Failure(kind: .invalid, message: "\(error)", host: host))
        } catch {
            return .failure(
                Failure(kind: .exception, type: "\(type(of: error))", message: "\(error)", host: host))
        }
    }
}
