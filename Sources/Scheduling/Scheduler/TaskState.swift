import AnabranchCore

/// Where a task that has not ended stands. A task that has ended is forgotten: whatever comes for it is dropped.
enum TaskStage: Hashable, Sendable {
    /// Waits in its lane under this ticket. Leaves by dispatch, reservation, adoption of an attempt thought lost, the
    /// late result of such an attempt, or cancel.
    case queued(ticket: Int64)
    /// A wide task for which this worker keeps slots free as they come free. Leaves by dispatch to that worker, or back
    /// to the queue when the worker takes no more work.
    case reserved(WorkerID)
    /// This attempt is leased to this worker. Leaves by the attempt's end, by another attempt's result, by the loss of the
    /// lease, or by cancel.
    case running(WorkerID, number: UInt32)
    /// Its first attempt is at this worker, behind the one of a task that it waits for. Leaves when that has succeeded
    /// (`running`), and is forgotten when that ends otherwise or elsewhere, when it is given back, or by cancel.
    case ahead(WorkerID)
    /// Its attempt was just lost. Leaves at once, within the same event: to the queue, or for good.
    case lost
}

/// An attempt and the worker that has it.
struct Placement: Hashable, Sendable {
    var worker: WorkerID
    var number: UInt32
}

struct TaskState: Sendable {
    var stage: TaskStage
    /// Its lane in the ready queue, which knows run, class, shape and priority.
    var lane: Int
    /// The number of the latest attempt; each dispatch takes a new one.
    var issued: UInt32 = 0
    /// Numbers of attempts lost with a worker or on the way, once each even if one is found and lost again; `maxAttempts`
    /// of them end the task.
    var lostNumbers: [UInt32] = []
    /// Attempts that killed their runtime; one more than `retries` ends the task.
    var kills: UInt32 = 0
    let maxAttempts: UInt32
    let retries: UInt32
    /// Attempts whose leases lapsed but whose workers may still have them; their results count.
    var stragglers: [Placement] = []

    /// Whether a result under this number can be this task's and, where the attempt's worker is known, comes from it.
    func admits(_ number: UInt32, from worker: WorkerID) -> Bool {
        guard number >= 1, number <= issued else { return false }
        if case .running(let holder, number) = stage { return holder == worker }
        if case .ahead(let holder) = stage { return holder == worker }
        if let straggler = stragglers.first(where: { $0.number == number }) { return straggler.worker == worker }
        return true
    }
}
