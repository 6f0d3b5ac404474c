public struct CallResult: Hashable, Sendable {
    public enum Outcome: Hashable, Sendable {
        case value(ObjectRef)
        /// Indirect: rare, and far larger than a value.
        indirect case failure(Failure)
    }

    public var call: CallID
    public var outcome: Outcome
    public var usage: Usage
    /// Attempts before the one that `usage` tells of.
    public var earlier: [EarlierAttempt]

    public init(call: CallID, outcome: Outcome, usage: Usage = Usage(), earlier: [EarlierAttempt] = []) {
        self.call = call
        self.outcome = outcome
        self.usage = usage
        self.earlier = earlier
    }
}
