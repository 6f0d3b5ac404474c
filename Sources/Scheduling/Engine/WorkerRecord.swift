import AnabranchCore

/// A worker as the engine knows it, until its process and all its writers have ended.
struct WorkerRecord: Hashable, Sendable {
    let id: WorkerID
    var hello: WorkerHello
    /// The store that it sees.
    let store: StoreID
    var state: AnabranchCore.WorkerState = .active
    /// It was told to finish and leave.
    var isDraining = false
    /// It said goodbye, or its process is known to have ended.
    var hasLeft = false
    /// Its leases lapsed and nothing has been heard of it since.
    var isSilent = false
    /// Its lane has stood; the scheduler knows nothing of it before.
    var isReached = false
    /// What it was sent and has not answered.
    var lent: [Attempt: LentAttempt] = [:]
    /// Attempts that it has answered.
    var finished: UInt64 = 0
    /// Releases that wait until its lane stands again.
    var releases: [ObjectID] = []
    /// Messages that went down its lane.
    var batches: UInt64 = 0
    /// Releases of which no heartbeat has said yet that they came: what stood in a lane when it dropped is sent again.
    var unconfirmed: [SentReleases] = []
    /// As its last heartbeat had it.
    var droppedMessages: UInt64 = 0
    /// Number of the last message that a heartbeat has told of.
    private var arrivedBatch: UInt64 = 0
    /// Number of the last message that went down a lane which has dropped.
    private var strandedBatch: UInt64 = 0
    /// Since when heartbeats come that do not know of a message.
    private var overdueSince: Instant?
    private var heartbeatAt: Instant?

    init(id: WorkerID, hello: WorkerHello, store: StoreID) {
        self.store = store
        self.id = id
        self.hello = hello
    }

    var status: WorkerStatus {
        WorkerStatus(
            worker: id, host: hello.host, processID: hello.processID, slots: hello.slots,
            running: UInt32(clamping: lent.count), state: hasLeft ? .left : isSilent || !isReached ? .lost : state,
            finished: finished,
            labels: hello.labels, hasOwnStore: store != .coordinator, executors: hello.executors)
    }

    var offer: WorkerOffer {
        WorkerOffer(
            worker: id, slots: hello.slots, coresPerSlot: hello.threadsPerSlot, executors: Set(hello.executors),
            store: store)
    }

    /// Threads that all its slots together may have.
    var cores: UInt32 { UInt32(clamping: UInt64(hello.slots) * UInt64(hello.threadsPerSlot)) }

    /// The message with its number: it goes down the lane now.
    mutating func numbered(_ batch: TaskBatch) -> TaskBatch {
        batches += 1
        for task in batch.tasks { lent[task.attempt]?.batch = batches }
        if !batch.releases.isEmpty { unconfirmed.append(SentReleases(number: batches, objects: batch.releases)) }
        var numbered = batch
        numbered.number = batches
        return numbered
    }

    /// It has answered the attempt. Nil when it was not sent it, or has answered it before.
    mutating func answered(_ attempt: Attempt) -> LentAttempt? {
        guard let lent = lent.removeValue(forKey: attempt) else { return nil }
        finished += 1
        return lent
    }

    /// Its lane has dropped: whether what was sent last has come is not known.
    mutating func takeBackReleases(_ unsent: [ObjectID]) {
        releases = unconfirmed.flatMap(\.objects) + releases + unsent
        unconfirmed = []
        strandedBatch = batches
    }

    /// Attempts that it neither lists nor can know of: their messages had not come when it made this heartbeat, which may be
    /// old (it or the coordinator stood still, and what was said before is read after). A lane that loses messages without
    /// dropping is believed for one lease, in which nobody stood still.
    mutating func attemptsUnderWay(_ heartbeat: Heartbeat, lease: UInt64, at now: Instant) -> [Attempt] {
        let stoodStill = heartbeatAt.map { now.since($0) >= lease / 2 } ?? true
        let hasArrived = heartbeat.lastBatch != arrivedBatch
        heartbeatAt = now
        arrivedBatch = heartbeat.lastBatch
        guard heartbeat.lastBatch < batches else {
            overdueSince = nil
            return []
        }
        let since = stoodStill || hasArrived ? now : overdueSince ?? now
        overdueSince = since
        guard now.since(since) < lease else { return [] }
        let unknown = max(heartbeat.lastBatch, strandedBatch)
        let listed = Set(heartbeat.running)
        return lent.filter { $0.value.batch > unknown && !listed.contains($0.key) }.map(\.key).sorted()
    }
}

/// Releases in one message down a lane. Hearing of one twice does a writer no harm.
struct SentReleases: Hashable, Sendable {
    let number: UInt64
    let objects: [ObjectID]
}

/// An attempt on its way to a worker, at it, or on its way back. Its arguments are in use for as long.
struct LentAttempt: Hashable, Sendable {
    let sent: Instant
    /// Number of the message that has it; 0 until that is made.
    var batch: UInt64 = 0
    var arguments: [ObjectID]
    /// What was sent ahead behind it.
    var follower: Attempt?
}
