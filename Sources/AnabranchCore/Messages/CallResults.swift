public struct CallResults: Hashable, Sendable {
    public var run: RunID
    public var results: [CallResult]

    public init(run: RunID, results: [CallResult]) {
        self.run = run
        self.results = results
    }
}
