public struct CallResult: Hashable, Sendable {
    public enum Outcome: Hashable, Sendable {
        case value(ObjectRef)
        case failure(Failure)
    }

    public var call: CallID
    public var outcome: Outcome
    public var usage: Usage

    public init(call: CallID, outcome: Outcome, usage: Usage = Usage()) {
        self.call = call
        self.outcome = outcome
        self.usage = usage
    }
}
