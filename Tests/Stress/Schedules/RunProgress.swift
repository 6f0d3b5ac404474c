import AnabranchCore
import Scheduling

/// How far a simulated run has come.
struct RunProgress {
    let run: SimulatedRun
    private let tasks: [TaskID: SimulatedTask]
    /// Plan tasks not handed out yet, deepest first.
    private(set) var waiting: [TaskID]
    /// Places in the order of `waiting` at the start.
    private let rank: [TaskID: Int]
    /// Offered behind another, and not taken back.
    private(set) var ahead: Set<TaskID> = []
    private(set) var completed: Set<TaskID> = []
    /// No effect yet, and not skipped.
    private(set) var unresolved: Set<TaskID>
    var isCancelled = false
    var isExhausted = false
    var isClosed = false
    var isOpen = false

    init(_ run: SimulatedRun) {
        self.run = run
        tasks = Dictionary(uniqueKeysWithValues: run.tasks.map { ($0.id, $0) })
        let deepestFirst = run.tasks.sorted { left, right in
            left.ready.priority != right.ready.priority
                ? left.ready.priority > right.ready.priority : left.id < right.id
        }
        waiting = deepestFirst.map(\.id)
        rank = Dictionary(uniqueKeysWithValues: zip(waiting, 0...))
        unresolved = Set(waiting)
    }

    /// Up to `count` tasks whose dependencies are complete.
    mutating func take(_ count: Int) -> [ReadyTask] {
        var taken: [ReadyTask] = []
        waiting.removeAll { id in
            guard taken.count < count, let task = tasks[id], task.dependencies.allSatisfy(completed.contains)
            else { return false }
            taken.append(task.ready)
            return true
        }
        return taken
    }

    /// Up to `count` tasks of which each waits for the one before it alone, and nothing else for that.
    mutating func take(behind id: TaskID, _ count: Int) -> [TaskID] {
        var taken: [TaskID] = []
        var last = id
        while taken.count < count {
            let dependents = run.tasks.filter { unresolved.contains($0.id) && $0.dependencies.contains(last) }
            guard dependents.count == 1, let next = dependents.first, let place = waiting.firstIndex(of: next.id),
                next.dependencies.allSatisfy({ $0 == last || completed.contains($0) })
            else { break }
            waiting.remove(at: place)
            taken.append(next.id)
            last = next.id
        }
        ahead.formUnion(taken)
        return taken
    }

    /// A task that was offered behind another was not taken, or for nothing.
    mutating func putBack(_ id: TaskID) {
        ahead.remove(id)
        guard unresolved.contains(id) else { return }
        if isCancelled {
            unresolved.remove(id)
        } else {
            let place = waiting.firstIndex { rank[id, default: 0] < rank[$0, default: 0] }
            waiting.insert(id, at: place ?? waiting.endIndex)
        }
    }

    mutating func resolve(_ id: TaskID, completed isComplete: Bool) {
        unresolved.remove(id)
        ahead.remove(id)
        if isComplete {
            completed.insert(id)
            return
        }
        // Whatever needs it is skipped, and whatever needs that.
        var lost: Set<TaskID> = [id]
        for task in run.tasks where task.dependencies.contains(where: lost.contains) {
            lost.insert(task.id)
            unresolved.remove(task.id)
        }
        waiting.removeAll { lost.contains($0) }
    }

    /// A cancelled run hands out nothing more.
    mutating func cancel() {
        isCancelled = true
        for id in waiting { unresolved.remove(id) }
        waiting = []
    }
}
