/// How the items of an input reach the function or the estimator.
public enum InputForm: UInt8, Hashable, Sendable {
    /// OR: one `Data`.
    case single = 0
    /// AND: one list of `Data`, in edge order.
    case edges = 1
    /// Gathered over a dimension with one edge: a list of `Data` in key order.
    case list = 2
    /// Gathered with several edges: a list, in key order, of lists in edge order.
    case listOfEdges = 3
}

/// What a task reads: items in key order, each with one `Data` per edge.
public struct Input: Hashable, Sendable {
    public var form: InputForm
    public var items: [[Data]]

    public init(form: InputForm, items: [[Data]]) {
        self.form = form
        self.items = items
    }
}

public enum FitMethod: UInt8, Hashable, Sendable {
    /// One fit of the input as its form says.
    case each = 0
    /// Rows of the list are concatenated, then one fit.
    case all = 1
    /// `partial_fit` item by item, in key order.
    case sequential = 2
}

/// Which of a node's parameter settings: an index into the pickled list that `list` names.
public struct Variant: Hashable, Sendable {
    public var list: ObjectRef
    public var index: UInt32

    public init(list: ObjectRef, index: UInt32) {
        self.list = list
        self.index = index
    }
}

/// There is no place for test rows here: no fit can see them.
public struct FitWork: Hashable, Sendable {
    public var estimator: ObjectRef
    public var variant: Variant?
    public var method: FitMethod
    public var train: Input
    /// Also answer with the output on the training rows.
    public var output: Bool
    /// `predict`, `predict_proba`, `decision_function`; empty for a transformer.
    public var outputMethod: String
    public var seed: UInt64?

    public init(
        estimator: ObjectRef, variant: Variant? = nil, method: FitMethod = .each, train: Input, output: Bool,
        outputMethod: String = "", seed: UInt64? = nil
    ) {
        self.estimator = estimator
        self.variant = variant
        self.method = method
        self.train = train
        self.output = output
        self.outputMethod = outputMethod
        self.seed = seed
    }
}

/// A fitted model over new rows: its output, its scores, or both.
public struct ApplyWork: Hashable, Sendable {
    public var model: ObjectRef
    public var input: Input
    public var output: Bool
    /// `transform` when empty.
    public var outputMethod: String
    public var score: Bool
    /// Pickled dict of name to scorer; the estimator's own `score` when nil.
    public var scorers: ObjectRef?

    public init(
        model: ObjectRef, input: Input, output: Bool, outputMethod: String = "", score: Bool = false,
        scorers: ObjectRef? = nil
    ) {
        self.model = model
        self.input = input
        self.output = output
        self.outputMethod = outputMethod
        self.score = score
        self.scorers = scorers
    }
}

/// A stateless Python function over its input.
public struct CombineWork: Hashable, Sendable {
    /// Pickled; nil only with `collectFolds`.
    public var function: ObjectRef?
    public var variant: Variant?
    public var input: Input
    public var output: Bool
    public var score: Bool
    public var scorers: ObjectRef?
    public var seed: UInt64?
    /// Items are [test data, its predictions]; rows go back in the order of `positions`.
    public var collectFolds: Bool

    public init(
        function: ObjectRef?, variant: Variant? = nil, input: Input, output: Bool, score: Bool = false,
        scorers: ObjectRef? = nil, seed: UInt64? = nil, collectFolds: Bool = false
    ) {
        self.function = function
        self.variant = variant
        self.input = input
        self.output = output
        self.score = score
        self.scorers = scorers
        self.seed = seed
        self.collectFolds = collectFolds
    }
}

/// Answers with several labelled parts.
public struct SplitWork: Hashable, Sendable {
    /// Pickled splitter or function; nil means five unshuffled folds, stratified for classes.
    public var splitter: ObjectRef?
    public var input: Input
    /// Parts are (train, test) pairs of index views, cut across the items of the input.
    public var folds: Bool
    public var seed: UInt64?
    /// Every part answers one label for each: the splitter's own dimension, or the fold and, of a gathered input, the
    /// dimensions that its items were gathered over.
    public var emits: [Dimension]
    /// Keys of the items of a gathered input, in their order; empty otherwise.
    public var itemKeys: [Key]

    public init(
        splitter: ObjectRef?, input: Input, folds: Bool, seed: UInt64? = nil, emits: [Dimension] = [],
        itemKeys: [Key] = []
    ) {
        self.splitter = splitter
        self.input = input
        self.folds = folds
        self.seed = seed
        self.emits = emits
        self.itemKeys = itemKeys
    }
}

/// A plain function call.
public struct CallWork: Hashable, Sendable {
    public var function: ObjectRef
    public var arguments: ObjectRef
    public var dependencies: [ObjectRef]

    public init(function: ObjectRef, arguments: ObjectRef, dependencies: [ObjectRef] = []) {
        self.function = function
        self.arguments = arguments
        self.dependencies = dependencies
    }
}

/// A function registered by name in the worker program.
public struct NativeWork: Hashable, Sendable {
    public var function: String
    /// JSON object, UTF-8; empty means none.
    public var parameters: [UInt8]
    /// Set for nodes of a graph, nil for plain calls.
    public var input: Input?
    public var arguments: [ObjectRef]
    public var output: Bool

    public init(
        function: String, parameters: [UInt8] = [], input: Input? = nil, arguments: [ObjectRef] = [],
        output: Bool = true
    ) {
        self.function = function
        self.parameters = parameters
        self.input = input
        self.arguments = arguments
        self.output = output
    }
}

public enum Work: Hashable, Sendable {
    case fit(FitWork)
    case apply(ApplyWork)
    case combine(CombineWork)
    case split(SplitWork)
    case call(CallWork)
    case native(NativeWork)
}

/// What a task may use. Nil: the slot's own limit.
public struct Limits: Hashable, Sendable {
    public var timeoutMilliseconds: UInt64?
    public var memoryBytes: UInt64?
    public var threads: UInt32?

    public init(timeoutMilliseconds: UInt64? = nil, memoryBytes: UInt64? = nil, threads: UInt32? = nil) {
        self.timeoutMilliseconds = timeoutMilliseconds
        self.memoryBytes = memoryBytes
        self.threads = threads
    }
}

/// One attempt at a task, as it goes down a lane.
public struct TaskAssignment: Hashable, Sendable {
    public var attempt: Attempt
    public var run: RunID
    /// Name of the node, for messages and logs.
    public var node: String
    public var key: Key
    public var limits: Limits
    /// Set when it was sent ahead: it runs once that has succeeded at the same worker, and not otherwise.
    public var after: Predecessor?
    /// Whether a client holds the output or the model, which then must not end with an engine that runs the task.
    public var keepsOutput: Bool
    public var keepsModel: Bool
    public var work: Work

    public init(
        attempt: Attempt, run: RunID, node: String, key: Key = .empty, limits: Limits = Limits(),
        after: Predecessor? = nil, keepsOutput: Bool = false, keepsModel: Bool = false, work: Work
    ) {
        self.attempt = attempt
        self.run = run
        self.node = node
        self.key = key
        self.limits = limits
        self.after = after
        self.keepsOutput = keepsOutput
        self.keepsModel = keepsModel
        self.work = work
    }
}
