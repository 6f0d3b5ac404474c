import AnabranchCore

/// Python runtime to worker, one frame.
public struct FromRuntime: WireMessage {
    /// In the first frame only.
    public var hello: RuntimeHello?
    public var results: [TaskResult]
    /// Objects of which its last view has ended.
    public var released: [ObjectID]
    public var started: Attempt?
    /// Installed Python modules that tasks have made it import since the last time; the next runtime may want them too.
    public var loaded: [String]
    /// It waits for what it submitted, or goes on.
    public var waiting: Attempt?
    public var resumed: Attempt?

    public init(
        hello: RuntimeHello? = nil, results: [TaskResult] = [], released: [ObjectID] = [], started: Attempt? = nil,
        loaded: [String] = [], waiting: Attempt? = nil, resumed: Attempt? = nil
    ) {
        self.hello = hello
        self.results = results
        self.released = released
        self.started = started
        self.loaded = loaded
        self.waiting = waiting
        self.resumed = resumed
    }
}
