import AnabranchCore

/// A worker's answer that has been looked through and that the scheduler is being told of.
struct Arrival: Hashable, Sendable {
    var worker: WorkerID
    var attempt: UInt32
    var outcome: Outcome
    var usage: Usage
}
