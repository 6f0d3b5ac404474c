import AnabranchCore

/// A task that found the store full and waits for room.
struct WaitingTask: Sendable {
    let origin: TaskOrigin
    /// Bytes that had been released when it began to wait.
    let releasedBytes: UInt64
}

/// What a task has been given to find room.
struct RoomTries: Hashable, Sendable {
    /// A task is run again so often at most.
    static let most = 8

    var count = 0
    /// Its last chance came after so many released bytes: it is gone unless more have been released meanwhile.
    var lastAfter: UInt64?
}
