import AnabranchCore
import Scheduling

/// One thing that goes wrong in a schedule. Each stands for itself: leaving one out does not move the others. Times are
/// microseconds since the start.
enum Adversity: Hashable {
    /// A message never arrives.
    case drop(Link, message: Int)
    /// A message arrives twice.
    case double(Link, message: Int)
    /// A message takes this much longer, and all behind it.
    case delay(Link, message: Int, by: UInt64)
    /// A message does not wait for those before it.
    case overtake(Link, message: Int)
    /// kill -9 of some worker. The coordinator hears of it after `noticed`, or never (then leases lapse); a successor comes
    /// after `returns` under the same id or a new one.
    case crash(at: UInt64, worker: Int, noticed: UInt64?, returns: UInt64?, sameID: Bool)
    /// SIGSTOP of some worker, and SIGCONT after `length`.
    case freeze(at: UInt64, worker: Int, length: UInt64)
    /// From then on its tasks take `times` as long.
    case slow(at: UInt64, worker: Int, times: UInt64)
    /// SIGTERM of some worker.
    case drain(at: UInt64, worker: Int)
    case join(at: UInt64, slots: UInt32)
    /// The coordinator does nothing for this long.
    case stall(at: UInt64, length: UInt64)
    case cancelRun(at: UInt64, RunID)
    case cancelTask(at: UInt64, TaskID)
    /// The client is gone: its run is closed, whatever still runs.
    case clientGone(at: UInt64, RunID)

    /// From then on the network and the processes behave.
    static let heals = Instant(microseconds: 3_000_000)

    /// When it strikes; nil for what happens to a message.
    var time: UInt64? {
        switch self {
        case .drop, .double, .delay, .overtake: nil
        case .crash(let at, _, _, _, _), .freeze(let at, _, _), .slow(let at, _, _), .drain(let at, _),
            .join(let at, _), .stall(let at, _), .cancelRun(let at, _), .cancelTask(let at, _), .clientGone(let at, _):
            at
        }
    }

    /// Whether it makes workers or messages misbehave; what clients do is no fault.
    var isFault: Bool {
        switch self {
        case .cancelRun, .cancelTask, .clientGone, .join, .slow: false
        default: true
        }
    }
}

/// One direction between the coordinator and a worker. Messages on it count from 0, heartbeats included.
enum Link: Hashable {
    case down(UInt64)
    case up(UInt64)

    var worker: WorkerID {
        switch self {
        case .down(let id), .up(let id): WorkerID(id)
        }
    }
}
