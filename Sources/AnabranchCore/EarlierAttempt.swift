/// An attempt that did not end its task: another one followed.
public struct EarlierAttempt: Hashable, Sendable {
    /// The scheduler's, of its task, while it is kept; told, it counts through all tasks.
    public var number: UInt32
    /// Why it did not.
    public var kind: FailureKind
    public var usage: Usage

    public init(number: UInt32, kind: FailureKind, usage: Usage) {
        self.number = number
        self.kind = kind
        self.usage = usage
    }
}
