import AnabranchCore
import PipelineGraph

/// What a client that has been welcomed asks for.
public enum ClientRequest: Hashable, Sendable {
    case submitRun(SubmitRun)
    case openSession(name: String)
    case submitCalls(RunID, [Call])
    case cancelRun(RunID)
    case cancelCalls(RunID, [CallID])
    /// The results of the run are no longer wanted.
    case closeRun(RunID)
    /// Updates of the run, from its first entry on.
    case watchRun(RunID)
    /// What was submitted.
    case describeRun(RunID)
    case releaseObjects([ObjectID])
    /// The client holds what it wrote.
    case holdObjects([ObjectRef])
    /// Nil: everything.
    case status(RunID?)
    case drainWorker(WorkerID)
    /// An empty node means all nodes.
    case logs(RunID, node: String)
    case shutdown
}
