import AnabranchCore
import PipelineGraph

/// What workers did between one status and the next.
package struct Rates {
    private var epoch: Epoch?
    private var finished: [WorkerID: UInt64] = [:]
    private var seconds = 0.0

    package init() {}

    /// The report of a status at this time of a steady clock, with the rates since the one before; without them the first
    /// time, and when another coordinator answers.
    package mutating func report(_ status: Status, atSeconds now: Double, time: String) -> StatusReport {
        var report = StatusReport(status)
        report.time = time
        if epoch == status.epoch, now > seconds {
            var total = 0.0
            for index in report.workers.indices {
                let worker = WorkerID(report.workers[index].worker)
                // One that has come since has done all of it since.
                let before = finished[worker] ?? 0
                let done = report.workers[index].finished
                let rate = done > before ? Double(done - before) / (now - seconds) : 0
                report.workers[index].tasksPerSecond = (rate * 10).rounded() / 10
                total += rate
            }
            report.tasksPerSecond = (total * 10).rounded() / 10
        }
        epoch = status.epoch
        seconds = now
        finished = Dictionary(
            status.workers.map { ($0.worker, $0.finished) }, uniquingKeysWith: { first, _ in first })
        return report
    }
}
