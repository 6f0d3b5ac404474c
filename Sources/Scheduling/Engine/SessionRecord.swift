import AnabranchCore
import DequeModule

/// A client's session of plain calls.
struct SessionRecord: Hashable, Sendable {
    let id: RunID
    let client: ClientID
    let name: String
    let started: Instant
    var queued: [CallID: QueuedCall] = [:]
    /// Calls whose dependencies are there and that the scheduler has not asked for, in order. Cancelled ones are passed
    /// over when their turn comes.
    var ready: Deque<CallID> = []
    /// Calls that wait for a call, by that call.
    var dependents: [CallID: [CallID]] = [:]
    /// How the last calls ended, for calls that come after them. Values are not in use by this: a client that names an
    /// earlier call holds its value.
    var ended: [CallID: CallResult.Outcome] = [:]
    var endedOrder: Deque<CallID> = []
    /// Attempts that did not end their calls.
    var earlier: [CallID: [EarlierAttempt]] = [:]
    var kinds = CallKinds()
    var hunger = 0
    /// Results that have not been sent. Objects named here are in use.
    var results: [CallResult] = []
    var logs = LogRing()
    var submitted: UInt64 = 0
    var succeeded: UInt64 = 0
    var failed: UInt64 = 0

    /// Earlier calls that a call may still name.
    static let memory = 65_536

    init(id: RunID, client: ClientID, name: String, started: Instant) {
        self.id = id
        self.client = client
        self.name = name
        self.started = started
    }
}
