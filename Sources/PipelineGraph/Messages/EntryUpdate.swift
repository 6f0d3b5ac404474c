import AnabranchCore

public enum EntryState: UInt8, Hashable, Sendable {
    case succeeded = 1
    case failed = 2
    case skipped = 3
    case cancelled = 4
}

/// One finished entry of a relation, with its lineage.
public struct EntryUpdate: Hashable, Sendable {
    public var entry: EntryID
    /// Nil: the run's own splitter.
    public var node: NodeIndex?
    public var phase: Phase
    public var key: Key
    public var state: EntryState
    public var model: ObjectRef?
    public var output: Data?
    public var scores: [Score]
    public var failure: Failure?
    public var usage: Usage
    /// Entries that it consumed.
    public var inputs: [EntryID]
    public var modelEntry: EntryID?
    public var attempts: UInt32
    public var worker: WorkerID?
    public var warnings: [String]
    /// Made by lowering: progress counts it, relations do not show it.
    public var isInternal: Bool
    /// Attempts before the one that `usage` tells of.
    public var earlier: [EarlierAttempt]

    public init(
        entry: EntryID, node: NodeIndex?, phase: Phase, key: Key, state: EntryState, model: ObjectRef? = nil,
        output: Data? = nil, scores: [Score] = [], failure: Failure? = nil, usage: Usage = Usage(),
        inputs: [EntryID] = [], modelEntry: EntryID? = nil, attempts: UInt32 = 0, worker: WorkerID? = nil,
        warnings: [String] = [], isInternal: Bool = false, earlier: [EarlierAttempt] = []
    ) {
        self.entry = entry
        self.node = node
        self.phase = phase
        self.key = key
        self.state = state
        self.model = model
        self.output = output
        self.scores = scores
        self.failure = failure
        self.usage = usage
        self.inputs = inputs
        self.modelEntry = modelEntry
        self.attempts = attempts
        self.worker = worker
        self.warnings = warnings
        self.isInternal = isInternal
        self.earlier = earlier
    }
}
