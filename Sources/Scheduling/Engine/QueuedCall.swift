import AnabranchCore

/// A call that has not ended.
struct QueuedCall: Hashable, Sendable {
    var call: Call
    /// Dependencies that still wait for earlier calls.
    var missing: UInt32
    /// Once the scheduler has it.
    var task: TaskID?
}
