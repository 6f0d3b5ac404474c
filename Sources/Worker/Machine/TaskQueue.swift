import AnabranchCore
import DequeModule

/// Tasks that wait for a slot, in order; knows at any time how many of them need a runtime.
struct TaskQueue: Sendable, Sequence {
    private var tasks: Deque<TaskAssignment> = []
    private(set) var pythonCount = 0

    var count: Int { tasks.count }
    var isEmpty: Bool { tasks.isEmpty }
    var first: TaskAssignment? { tasks.first }

    func makeIterator() -> Deque<TaskAssignment>.Iterator { tasks.makeIterator() }

    mutating func append(contentsOf more: [TaskAssignment]) {
        tasks.append(contentsOf: more)
        pythonCount += more.count { !$0.work.isNative }
    }

    mutating func prepend(_ task: TaskAssignment) {
        tasks.prepend(task)
        if !task.work.isNative { pythonCount += 1 }
    }

    mutating func removeFirst() -> TaskAssignment {
        let task = tasks.removeFirst()
        if !task.work.isNative { pythonCount -= 1 }
        return task
    }

    /// The attempt's task, taken out; nil when it does not wait here.
    mutating func remove(_ attempt: Attempt) -> TaskAssignment? {
        guard let place = tasks.firstIndex(where: { $0.attempt == attempt }) else { return nil }
        let task = tasks.remove(at: place)
        if !task.work.isNative { pythonCount -= 1 }
        return task
    }

    /// Takes out all of them.
    mutating func removeAll() -> [TaskAssignment] {
        defer {
            tasks.removeAll()
            pythonCount = 0
        }
        return Array(tasks)
    }

    /// Takes out those that need a runtime.
    mutating func removePython() -> [TaskAssignment] {
        let python = tasks.filter { !$0.work.isNative }
        tasks.removeAll { !$0.work.isNative }
        pythonCount = 0
        return Array(python)
    }
}
