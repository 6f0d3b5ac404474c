import AnabranchCore
import PipelineGraph

/// DEALER to ROUTER: a worker's or a client's request.
public struct ToCoordinator: WireMessage {
    public enum Body: Hashable, Sendable {
        case workerHello(WorkerHello)
        case workerGoodbye(WorkerID, instance: UInt64)
        case clientHello(ClientHello)
        case submitRun(SubmitRun)
        /// A session takes plain calls; it ends with its client.
        case openSession(name: String)
        case submitCalls(SubmitCalls)
        case cancelRun(RunID)
        case cancelCalls(RunID, [CallID])
        /// Its results are no longer wanted.
        case closeRun(RunID)
        /// Send updates, from the first entry on.
        case watchRun(RunID)
        /// What was submitted.
        case describeRun(RunID)
        case releaseObjects([ObjectID])
        /// The client holds what it wrote.
        case holdObjects([ObjectRef])
        /// Nil: everything.
        case status(RunID?)
        case drainWorker(WorkerID)
        case logs(LogsRequest)
        case shutdown
    }

    /// The sender's number, for the answer; 0 where none is expected.
    public var request: UInt64
    public var body: Body

    public init(request: UInt64, body: Body) {
        self.request = request
        self.body = body
    }
}
