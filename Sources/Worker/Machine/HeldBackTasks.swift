import AnabranchCore
import DequeModule

/// Tasks that were sent ahead and wait for another one of this worker.
struct HeldBackTasks: Sendable {
    /// Ends that are remembered for what comes behind them too late: those of more than one batch of a runtime's.
    private static let memory = 256

    private var predecessors: [Attempt: Attempt] = [:]
    private var followers: [Attempt: [TaskAssignment]] = [:]
    /// Values of the last tasks that succeeded; one of a native function may have none.
    private var values: [Attempt: ObjectRef?] = [:]
    private var order: Deque<Attempt> = []

    var isEmpty: Bool { predecessors.isEmpty }
    var attempts: [Attempt] { Array(predecessors.keys) }

    func contains(_ attempt: Attempt) -> Bool { predecessors[attempt] != nil }

    mutating func hold(_ task: TaskAssignment, behind predecessor: Attempt) {
        guard predecessors.updateValue(predecessor, forKey: task.attempt) == nil else { return }
        followers[predecessor, default: []].append(task)
    }

    /// The task with the value that it waits for, when that is known already.
    func complete(_ task: TaskAssignment, behind predecessor: Attempt) -> TaskAssignment? {
        guard let value = values[predecessor] else { return nil }
        return task.completed(with: value)
    }

    /// The one task that waits for this.
    func follower(of attempt: Attempt) -> TaskAssignment? {
        guard let tasks = followers[attempt], tasks.count == 1 else { return nil }
        return tasks[0]
    }

    /// What waited for this: each with whether it can run now.
    mutating func release(by result: TaskResult) -> [(task: TaskAssignment, runs: Bool)] {
        note(result)
        return (followers.removeValue(forKey: result.attempt) ?? []).map { task in
            predecessors[task.attempt] = nil
            return task.completed(by: result).map { ($0, true) } ?? (task, false)
        }
    }

    /// Remembers what the task was worth, for what comes behind it later.
    mutating func note(_ result: TaskResult) {
        if case .success(let success) = result.outcome { remember(success.value, of: result.attempt) }
    }

    private mutating func remember(_ value: ObjectRef?, of attempt: Attempt) {
        if values.updateValue(value, forKey: attempt) == nil { order.append(attempt) }
        if order.count > Self.memory { values.removeValue(forKey: order.removeFirst()) }
    }

    /// False when it is not held back.
    @discardableResult
    mutating func remove(_ attempt: Attempt) -> Bool {
        guard let predecessor = predecessors.removeValue(forKey: attempt) else { return false }
        followers[predecessor]?.removeAll { $0.attempt == attempt }
        if followers[predecessor]?.isEmpty == true { followers[predecessor] = nil }
        return true
    }

    mutating func removeAll() -> [Attempt] {
        defer {
            predecessors.removeAll()
            followers.removeAll()
        }
        return attempts
    }
}
