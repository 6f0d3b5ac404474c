import AnabranchCore
import PipelineGraph

/// ROUTER to DEALER: an answer, or something pushed.
public struct FromCoordinator: WireMessage {
    public enum Body: Hashable, Sendable {
        case error(ControlError)
        case ok
        case workerWelcome(WorkerWelcome)
        case clientWelcome(ClientWelcome)
        case runAccepted(RunID)
        case runUpdate(RunUpdate)
        case callResults(CallResults)
        case status(Status)
        case logs([SlotLog])
        /// Objects of the client's own whose regions it may use again.
        case releaseObjects([ObjectID])
        case runDescription(RunDescription)
    }

    /// The request that it answers; 0 for what is pushed.
    public var request: UInt64
    public var body: Body

    public init(request: UInt64, body: Body) {
        self.request = request
        self.body = body
    }
}
