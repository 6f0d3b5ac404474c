import AnabranchCore

/// Worker to Python runtime, one frame.
public struct ToRuntime: WireMessage {
    /// In the first frame only.
    public var setup: RuntimeSetup?
    public var tasks: [TaskAssignment]
    /// Objects of this runtime whose regions it may use again.
    public var releases: [ObjectID]
    /// Tasks that it has and has not started.
    public var cancels: [Attempt]

    public init(
        setup: RuntimeSetup? = nil, tasks: [TaskAssignment] = [], releases: [ObjectID] = [], cancels: [Attempt] = []
    ) {
        self.setup = setup
        self.tasks = tasks
        self.releases = releases
        self.cancels = cancels
    }
}
