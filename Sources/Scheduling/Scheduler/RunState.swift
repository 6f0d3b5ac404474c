import AnabranchCore

/// A run, a session included, from `runOpened` to `runClosed`.
struct RunState: Sendable {
    /// Whether the run's plan is to be asked for tasks.
    enum Supply: UInt8, Hashable, Sendable {
        /// May be asked. Leaves by a question.
        case open
        /// A question is not answered yet. Leaves by `tasksReady`.
        case asked
        /// Answered that nothing is ready now. Leaves when a task of the run ends, or with `tasksReady` that brings some.
        case dry
        /// Never asked: a session, a plan that has given its last task, a cancelled run. Final.
        case exhausted
    }

    let id: RunID
    var supply: Supply = .open
    /// Tasks that ended since the question was asked: when there are any, an empty answer may have been given before.
    var endedSinceAsked = 0
    /// Ready tasks to keep, which grows as tasks end quickly: one short task says little of those behind it.
    var window = 0
    /// Tasks that come after the cancel are cancelled too.
    var isCancelled = false
    /// Tasks that have not ended.
    var live = 0
    /// Of all its classes, for how many tasks to ask.
    var estimate = DurationEstimate()
    /// Estimates of its classes by kind, as places in the scheduler's arena.
    var classes: [UInt32: Int] = [:]
}
