import AnabranchCore

public struct SubmitCalls: Hashable, Sendable {
    public var run: RunID
    public var calls: [Call]

    public init(run: RunID, calls: [Call]) {
        self.run = run
        self.calls = calls
    }
}
