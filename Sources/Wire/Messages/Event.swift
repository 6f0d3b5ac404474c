import AnabranchCore
import PipelineGraph

/// What the coordinator publishes, behind a topic frame (`run.<id>`, `workers`, `log.<id>`).
public struct Event: WireMessage {
    public enum Body: Hashable, Sendable {
        case runUpdate(RunUpdate)
        case worker(WorkerStatus)
        case log(SlotLog)
    }

    public var epoch: Epoch
    public var unixMicroseconds: UInt64
    public var body: Body

    public init(epoch: Epoch, unixMicroseconds: UInt64, body: Body) {
        self.epoch = epoch
        self.unixMicroseconds = unixMicroseconds
        self.body = body
    }
}
