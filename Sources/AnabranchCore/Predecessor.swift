/// What a call that was sent ahead waits for, at the same worker.
public struct Predecessor: Hashable, Sendable {
    public var attempt: Attempt
    /// Places among the call's arguments that its value takes; what stands there is for a predecessor without one.
    public var arguments: [UInt64]

    public init(attempt: Attempt, arguments: [UInt64]) {
        self.attempt = attempt
        self.arguments = arguments
    }
}
