import AnabranchCore

/// Python runtime to worker, one frame.
public struct FromRuntime: WireMessage {
    /// In the first frame only.
    public var hello: RuntimeHello?
    public var results: [TaskResult]
    /// Objects of which its last view has ended.
    public var released: [ObjectID]
    public var started: Attempt?

    public init(
        hello: RuntimeHello? = nil, results: [TaskResult] = [], released: [ObjectID] = [], started: Attempt? = nil
    ) {
        self.hello = hello
        self.results = results
        self.released = released
        self.started = started
    }
}
