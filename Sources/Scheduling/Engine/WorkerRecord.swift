import AnabranchCore

/// A worker as the engine knows it, until its process and all its writers have ended.
struct WorkerRecord: Hashable, Sendable {
    let id: WorkerID
    var hello: WorkerHello
    var state: AnabranchCore.WorkerState = .active
    /// It was told to finish and leave.
    var isDraining = false
    /// It said goodbye, or its process is known to have ended.
    var hasLeft = false
    /// Its leases lapsed and nothing has been heard of it since.
    var isSilent = false
    /// What it was sent and has not answered.
    var lent: [Attempt: LentAttempt] = [:]
    /// Attempts that it has answered.
    var finished: UInt64 = 0
    /// Releases that wait until its lane stands again.
    var releases: [ObjectID] = []
    /// As its last heartbeat had it.
    var droppedMessages: UInt64 = 0

    init(id: WorkerID, hello: WorkerHello) {
        self.id = id
        self.hello = hello
    }

    var status: WorkerStatus {
        WorkerStatus(
            worker: id, host: hello.host, processID: hello.processID, slots: hello.slots,
            running: UInt32(clamping: lent.count), state: isSilent ? .lost : state, finished: finished,
            labels: hello.labels)
    }

    var offer: WorkerOffer {
        WorkerOffer(worker: id, slots: hello.slots, executors: Set(hello.executors))
    }
}

/// An attempt on its way to a worker, at it, or on its way back. Its arguments are in use for as long.
struct LentAttempt: Hashable, Sendable {
    let sent: Instant
    let arguments: [ObjectID]
}
