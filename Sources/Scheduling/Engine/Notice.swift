import AnabranchCore
import PipelineGraph

/// Something that whoever operates a cluster wants to read of, with the ids by which it is found again.
public enum Notice: Hashable, Sendable {
    case clientJoined(ClientID, name: String)
    case clientLeft(ClientID, name: String)
    /// A run, or a session of calls.
    case runAccepted(RunID, name: String, client: ClientID, isSession: Bool)
    case runEnded(EndedRun)
    /// An attempt was answered with a failure, whose cause is the failure's kind.
    case attemptFailed(EndedAttempt)
    /// An attempt was lost with its worker, or on the way.
    case attemptLost(EndedAttempt)
}

public struct EndedRun: Hashable, Sendable {
    public var run: RunID
    public var name: String
    public var isSession: Bool
    /// Nil: a session, which has none.
    public var state: PipelineGraph.RunState?
    public var succeeded: UInt64
    public var failed: UInt64
    public var skipped: UInt64
    public var milliseconds: UInt64
    /// Why it ended as it did, when its entries do not tell.
    public var message: String
}

public struct EndedAttempt: Hashable, Sendable {
    public var attempt: Attempt
    public var worker: WorkerID?
    public var run: RunID
    /// Empty for a call.
    public var node: String
    /// Written out; empty for a call, and for a node without dimensions.
    public var key: String
    /// The failure's kind, or what was lost.
    public var cause: String
    /// Empty for what was lost.
    public var message: String
    /// The task runs again.
    public var isRetried: Bool
}
