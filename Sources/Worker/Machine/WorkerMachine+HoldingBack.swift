import AnabranchCore

// Tasks that were sent ahead: each runs when the one before it has succeeded here, and is given back when that has not.
extension WorkerMachine {
    /// Takes what has come and answers what can wait for a slot. What comes too late to know what it waits for is given back.
    mutating func admit(_ tasks: [TaskAssignment], effects: inout [WorkerEffect]) -> [TaskAssignment] {
        guard tasks.contains(where: { $0.after != nil }) else { return tasks }
        var here = Set(attempts)
        var ready: [TaskAssignment] = []
        for task in tasks {
            guard let predecessor = task.after?.attempt else {
                ready.append(task)
                here.insert(task.attempt)
                continue
            }
            if here.contains(predecessor) {
                heldBack.hold(task, behind: predecessor)
                here.insert(task.attempt)
            } else if let complete = heldBack.complete(task, behind: predecessor) {
                ready.append(complete)
                here.insert(task.attempt)
            } else {
                effects.append(.report([cancelled(task.attempt, "what it was sent ahead behind is not here")]))
            }
        }
        return ready
    }

    /// Tasks that a runtime had and has not begun wait again, before all others.
    mutating func putBack(_ tasks: [TaskAssignment], effects: inout [WorkerEffect]) {
        for task in admit(tasks, effects: &effects).reversed() { queue.prepend(task) }
    }

    /// What these results let run runs next, before all that waits.
    mutating func follow(_ results: [TaskResult], effects: inout [WorkerEffect]) {
        var answered = results
        var returned: [TaskResult] = []
        var place = 0
        while place < answered.count {
            for (task, runs) in heldBack.release(by: answered[place]) {
                if runs {
                    queue.prepend(task)
                } else {
                    let result = cancelled(task.attempt, "what it was sent ahead behind did not succeed")
                    returned.append(result)
                    answered.append(result)
                }
            }
            place += 1
        }
        if !returned.isEmpty { effects.append(.report(returned)) }
    }
}
