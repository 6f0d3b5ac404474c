import AnabranchCore
import Wire

/// What the next result batch will hold.
struct Answer {
    var results: [TaskResult] = []
    var released: [HeldReleased] = []
    var opened: [WriterID] = []
    var closed: [WriterID] = []
    var logs: [SlotLog] = []
    var started: [Attempt] = []
    /// Nil: as before.
    var waiting: [Attempt]?

    var isEmpty: Bool {
        results.isEmpty && released.isEmpty && opened.isEmpty && closed.isEmpty && logs.isEmpty && started.isEmpty
            && waiting == nil
    }

    func batch(epoch: Epoch, worker: WorkerID, heartbeat: Heartbeat?) -> ResultBatch {
        ResultBatch(
            epoch: epoch, worker: worker, results: results, heartbeat: heartbeat, released: released,
            writersOpened: opened, writersClosed: closed, logs: logs, started: started,
            waiting: waiting)
    }
}
