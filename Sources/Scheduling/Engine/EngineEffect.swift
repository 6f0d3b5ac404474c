import AnabranchCore
import PipelineGraph

/// Imperative: what the shell is to do, in this order.
public enum EngineEffect: Hashable, Sendable {
    /// Answer a request.
    case reply(ClientID, request: UInt64, EngineReply)
    /// Send what nobody asked for by a request of its own.
    case push(ClientID, EnginePush)
    /// Connect a lane to a worker that has been welcomed.
    case connectLane(WorkerID, endpoint: String)
    /// Say aloud that the lane of this worker, which runs on `host`, does not come about.
    case laneUnreachable(WorkerID, host: String, endpoint: String)
    /// One message down one lane.
    case send(TaskBatch)
    /// The worker is gone for good.
    case disconnectLane(WorkerID)
    /// For whoever subscribes to the run; carries no entries.
    case publishRun(RunUpdate)
    case publishWorker(WorkerStatus)
    case publishLog(RunID, SlotLog)
    /// Write to the log.
    case tell(Notice)
    /// Remove the segments of a dead writer but for those listed.
    case removeSegments(WriterID, keeping: [UInt32])
    /// A client asked for the end.
    case shutDown
}

public enum EngineReply: Hashable, Sendable {
    case error(ControlError)
    case ok
    case workerWelcome(WorkerID)
    case clientWelcome
    case runAccepted(RunID)
    case status(Status)
    case logs([SlotLog])
    /// Each object that it names is one holding of the client that it goes to.
    case runDescription(RunDescription)
}

/// Each mention of an object in a pushed update or result is one holding of the client that it goes to.
public enum EnginePush: Hashable, Sendable {
    case runUpdate(RunUpdate)
    case callResults(CallResults)
    /// Objects of the client's own whose regions it may use again.
    case releaseObjects([ObjectID])
}
