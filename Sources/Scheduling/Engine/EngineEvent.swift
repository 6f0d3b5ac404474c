import AnabranchCore

/// Past tense: what the shell has seen. A `ClientID` names a control connection, whoever is at its other end.
public enum EngineEvent: Hashable, Sendable {
    case workerHello(ClientID, request: UInt64, WorkerHello)
    /// The worker has finished what it had and leaves.
    case workerGoodbye(WorkerID, instance: UInt64)
    /// What the worker told as its lane is no endpoint.
    case laneUnusable(WorkerID)
    /// The connection of the worker's lane dropped.
    case workerDisconnected(WorkerID)
    /// The connection of the worker's lane stands (again).
    case workerConnected(WorkerID)
    case workerReported(ResultBatch)
    case clientHello(ClientID, request: UInt64, ClientIntroduction)
    case clientVanished(ClientID)
    case requested(ClientID, request: UInt64, ClientRequest)
    /// The processes of these writers have ended: nobody holds their locks.
    case writersEnded([WriterID])
    /// Something that a peer sent did not decode.
    case messageDropped
    /// End everything: runs are cancelled, workers drained, newcomers refused.
    case shutdownRequested
    /// Time has passed; see `Engine.nextDeadline`.
    case tick
}

/// How a client presents itself.
public struct ClientIntroduction: Hashable, Sendable {
    public var versions: Versions
    /// Nil: it writes no objects.
    public var writer: WriterID?
    public var name: String

    public init(versions: Versions, writer: WriterID? = nil, name: String = "") {
        self.versions = versions
        self.writer = writer
        self.name = name
    }
}
