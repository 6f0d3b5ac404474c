import AnabranchCore

public enum Mode: UInt8, Hashable, Sendable {
    case fit = 1
    case transform = 2
    case predict = 3
    case score = 4
    case crossValidate = 5
}

public enum OnError: UInt8, Hashable, Sendable {
    case `continue` = 0
    case stop = 1
}

/// An input reference and its key.
public struct InputEntry: Hashable, Sendable {
    public var key: Key
    public var data: Data

    public init(key: Key, data: Data) {
        self.key = key
        self.data = data
    }
}

/// A fitted model and its key, from an earlier run.
public struct ModelEntry: Hashable, Sendable {
    public var key: Key
    public var model: ObjectRef

    public init(key: Key, model: ObjectRef) {
        self.key = key
        self.model = model
    }
}

public struct RunOptions: Hashable, Sendable {
    public var mode: Mode
    public var onError: OnError
    /// Pickled scikit-learn splitter of a cross validation.
    public var splitter: ObjectRef?
    public var scorers: ObjectRef?
    public var returnTrainScore: Bool
    public var keepModels: Bool
    public var seed: UInt64?
    /// Allowed combinations of variants; nil means their product. A dimension that a candidate leaves out is not
    /// constrained by it.
    public var candidates: [Key]?
    /// For lost workers; nil means the coordinator's default.
    public var maxAttempts: UInt32?
    public var keepOutputs: Bool

    public init(
        mode: Mode, onError: OnError = .continue, splitter: ObjectRef? = nil, scorers: ObjectRef? = nil,
        returnTrainScore: Bool = false, keepModels: Bool = true, seed: UInt64? = nil, candidates: [Key]? = nil,
        maxAttempts: UInt32? = nil, keepOutputs: Bool = false
    ) {
        self.mode = mode
        self.onError = onError
        self.splitter = splitter
        self.scorers = scorers
        self.returnTrainScore = returnTrainScore
        self.keepModels = keepModels
        self.seed = seed
        self.candidates = candidates
        self.maxAttempts = maxAttempts
        self.keepOutputs = keepOutputs
    }
}

/// What a client submits: graph × inputs × mode.
public struct RunRequest: Hashable, Sendable {
    public var graph: Graph
    public var options: RunOptions
    /// By node; nodes without incoming edges need inputs.
    public var inputs: [NodeIndex: [InputEntry]]
    /// By node, for transform, predict and score.
    public var models: [NodeIndex: [ModelEntry]]
    public var name: String

    public init(
        graph: Graph, options: RunOptions, inputs: [NodeIndex: [InputEntry]],
        models: [NodeIndex: [ModelEntry]] = [:], name: String = ""
    ) {
        self.graph = graph
        self.options = options
        self.inputs = inputs
        self.models = models
        self.name = name
    }
}
