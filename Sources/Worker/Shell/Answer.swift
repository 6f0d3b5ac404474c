import AnabranchCore
import Wire

/// What the next result batch will hold.
struct Answer {
    var results: [TaskResult] = []
    var released: [HeldReleased] = []
    var opened: [WriterID] = []
    var closed: [WriterID] = []
    var logs: [SlotLog] = []
    private(set) var started: [Attempt] = []
    private var startedSince: Moment?
    /// Nil: as before.
    var waiting: [Attempt]?

    /// Word that a task has begun waits so long for its result to go with: that of a short task is not worth a message.
    private static let patience: UInt64 = 1_000

    mutating func tellStarted(_ attempts: [Attempt], at now: Moment) {
        if startedSince == nil { startedSince = now }
        started += attempts
    }

    /// When it has to leave; nil when there is nothing to say.
    var due: Moment? {
        let isUrgent =
            !(results.isEmpty && released.isEmpty && opened.isEmpty && closed.isEmpty && logs.isEmpty && waiting == nil)
        return isUrgent ? Moment(microseconds: 0) : startedSince?.advanced(byMicroseconds: Self.patience)
    }

    func batch(epoch: Epoch, worker: WorkerID, heartbeat: Heartbeat?) -> ResultBatch {
        let ended = Set(results.lazy.map(\.attempt))
        let started = started.filter { !ended.contains($0) }
        return ResultBatch(
            epoch: epoch, worker: worker, results: results, heartbeat: heartbeat, released: released,
            writersOpened: opened, writersClosed: closed, logs: logs, started: started,
            waiting: waiting)
    }
}
