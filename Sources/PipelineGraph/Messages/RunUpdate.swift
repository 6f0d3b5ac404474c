import AnabranchCore

public enum RunState: UInt8, Hashable, Sendable {
    case running = 1
    case succeeded = 2
    /// Finished, with failed keys.
    case failed = 3
    case cancelled = 4

    public var isFinal: Bool { self != .running }
}

/// What has happened in a run since the update before.
public struct RunUpdate: Hashable, Sendable {
    public var run: RunID
    public var entries: [EntryUpdate]
    public var state: RunState
    public var progress: [NodeProgress]
    public var message: String

    public init(
        run: RunID, entries: [EntryUpdate] = [], state: RunState, progress: [NodeProgress] = [], message: String = ""
    ) {
        self.run = run
        self.entries = entries
        self.state = state
        self.progress = progress
        self.message = message
    }
}
