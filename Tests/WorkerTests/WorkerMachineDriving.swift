import AnabranchCore

@testable import Worker

/// Short ways for a suite to make tasks for a worker's machine, to speak to it and to read what it says.
protocol WorkerMachineDriving {}

extension WorkerMachineDriving {
    var now: Moment { Moment(microseconds: 1_000_000) }

    func task(_ id: UInt64, timeout: UInt64? = nil) -> TaskAssignment {
        let function = ObjectRef(
            id: ObjectID(writer: WriterID(9), sequence: 1), encoding: .pickle5, length: 0, location: .inline([]))
        return TaskAssignment(
            attempt: Attempt(task: TaskID(id), number: 1), run: RunID(1), node: "f",
            limits: Limits(timeoutMilliseconds: timeout),
            work: .call(CallWork(function: function, arguments: function)))
    }

    func native(_ id: UInt64) -> TaskAssignment {
        TaskAssignment(
            attempt: Attempt(task: TaskID(id), number: 1), run: RunID(1), node: "n",
            work: .native(NativeWork(function: "noop")))
    }

    func done(_ task: TaskAssignment, microseconds: UInt64 = 10_000) -> TaskResult {
        var usage = Usage()
        usage.computeMicroseconds = microseconds
        return TaskResult(attempt: task.attempt, outcome: .success(Success()), usage: usage)
    }

    func ready(slots: Int) -> WorkerMachine {
        var machine = WorkerMachine(slots: slots, host: "here")
        for slot in 0..<slots { _ = handle(&machine, .runtimeReady(SlotIndex(slot))) }
        return machine
    }

    func handle(_ machine: inout WorkerMachine, _ event: WorkerEvent, after: UInt64 = 0) -> [WorkerEffect] {
        var effects: [WorkerEffect] = []
        machine.handle(event, at: now.advanced(byMicroseconds: after), effects: &effects)
        return effects
    }

    func sends(_ effects: [WorkerEffect]) -> [SlotIndex: [UInt64]] {
        effects.reduce(into: [:]) { sent, effect in
            if case .send(let slot, let tasks) = effect {
                sent[slot, default: []] += tasks.map(\.attempt.task.rawValue)
            }
        }
    }

    func reports(_ effects: [WorkerEffect]) -> [TaskResult] {
        effects.flatMap { effect -> [TaskResult] in if case .report(let results) = effect { results } else { [] } }
    }

    func failure(_ result: TaskResult?) -> Failure? {
        if case .failure(let failure) = result?.outcome { failure } else { nil }
    }

    func wide(_ id: UInt64, threads: UInt32) -> TaskAssignment {
        var task = task(id)
        task.limits.threads = threads
        return task
    }

    /// A machine whose first runtime has all of these, and the others nothing.
    func busy(with tasks: [TaskAssignment], slots: Int = 1) -> WorkerMachine {
        var machine = WorkerMachine(slots: slots, host: "here")
        _ = handle(&machine, .tasksArrived([task(1)]))
        _ = handle(&machine, .runtimeReady(SlotIndex(0)))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(task(1), microseconds: 100)]))
        for task in tasks { _ = handle(&machine, .tasksArrived([task])) }
        for slot in 1..<max(slots, 1) { _ = handle(&machine, .runtimeReady(SlotIndex(slot))) }
        return machine
    }

    func notBegun(_ task: TaskAssignment) -> TaskResult {
        TaskResult(attempt: task.attempt, outcome: .failure(Failure(kind: .cancelled, message: "not begun")))
    }
}
