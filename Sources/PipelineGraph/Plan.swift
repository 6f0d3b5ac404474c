import AnabranchCore

/// A node of a plan: an index into `Plan.nodes`, which stand in topological order.
public struct PlanNodeIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: UInt32
    public init(_ rawValue: UInt32) { self.rawValue = rawValue }
    public static func < (left: PlanNodeIndex, right: PlanNodeIndex) -> Bool { left.rawValue < right.rawValue }
    public var description: String { String(rawValue) }
}

/// Which of an entry's values an edge reads.
public enum Port: UInt8, Hashable, Sendable {
    /// The output, or a fold's training rows.
    case data = 0
    /// A fold's test rows.
    case test = 1
    /// The fitted model.
    case model = 2
}

public struct PlanEdge: Hashable, Sendable {
    public var source: PlanNodeIndex
    public var port: Port

    public init(_ source: PlanNodeIndex, _ port: Port = .data) {
        self.source = source
        self.port = port
    }
}

/// How a plan node's firings follow from the entries that reach it. This is all that the planner's relational core
/// looks at; what a firing *does* is `PlanNode.operation`.
public enum FiringRule: Hashable, Sendable {
    /// Entries are given: inputs of the run, or models of an earlier one.
    case source
    /// One firing per entry on any edge (OR).
    case union
    /// One firing per agreeing combination, one entry from each edge (AND); `product` does not ask for agreement.
    case join(product: Bool)
    /// The join, grouped by what remains of the keys without the dimensions in `over`; a group fires when it is closed.
    /// In a node with `via` the edges are alternatives, as for a union: the union is grouped (an item has one entry), and
    /// no edges are joined.
    case gather(over: Set<Dimension>, product: Bool, missing: MissingPolicy)
}

/// What a firing does, for whoever turns firings into work.
public enum Operation: UInt8, Hashable, Sendable {
    /// Entries of a source node; no task.
    case source
    case fit
    /// A model over new rows: output, scores, or both.
    case apply
    /// A stateless function, Python or native.
    case function
    /// The run's cross validation, or a node's inner one: several entries with `train` and `test` ports.
    case foldSplit
    /// A user's splitter.
    case split
    /// Puts out-of-fold predictions back in order.
    case collectFolds
}

/// Which part of a run's story a plan node tells; relations are told apart by it.
public enum Phase: UInt8, Hashable, Sendable {
    case fit = 1
    case apply = 2
    case score = 3
    case trainScore = 4
    case split = 5
    case combine = 6
}

public struct PlanNode: Hashable, Sendable {
    /// For messages: the graph node's name, with what lowering made of it behind a colon (`tree:score`).
    public var name: String
    /// Nil for the run's own splitter.
    public var node: NodeIndex?
    public var operation: Operation
    public var phase: Phase
    public var rule: FiringRule
    public var inputs: [PlanEdge]
    /// Joined with the inputs (naturally): dimensions only models have fan out, dimensions only inputs have broadcast.
    public var model: PlanEdge?
    /// The node's own variants: a firing per label 0 ..< count, as candidates allow.
    public var variants: (dimension: Dimension, count: UInt32)? {
        variantDimension.map { ($0, variantCount) }
    }
    public var variantDimension: Dimension?
    public var variantCount: UInt32
    /// For several edges that are alternatives (a union, or a gather over one): the dimension that says which, and each
    /// edge's label.
    public var via: Dimension?
    /// For a product, which has no `via`: what tells the edges apart in every phase, where their plan nodes have other
    /// names (`tree`, `tree:score`). A dimension that several of a product's edges have is named after them as well.
    public var viaLabels: [Label]
    /// Dimensions that a splitter adds. Each finished firing then answers any number of entries, one per combination of
    /// labels; empty means exactly one entry, under the firing's own key.
    public var emits: [Dimension]
    /// The output on the rows read is wanted: something downstream, or the user, reads it.
    public var wantsOutput: Bool
    public var wantsScore: Bool
    /// Entries are reported to the user with their outputs or models kept.
    public var keepsOutput: Bool
    public var keepsModel: Bool
    /// Made by lowering (inner folds, collection): relations do not show it.
    public var isInternal: Bool
    public var fitMethod: FitMethod
    public var inputForm: InputForm

    public init(
        name: String, node: NodeIndex?, operation: Operation, phase: Phase, rule: FiringRule,
        inputs: [PlanEdge] = [], model: PlanEdge? = nil, variantDimension: Dimension? = nil, variantCount: UInt32 = 0,
        via: Dimension? = nil, viaLabels: [Label] = [], emits: [Dimension] = [], wantsOutput: Bool = false,
        wantsScore: Bool = false, keepsOutput: Bool = false, keepsModel: Bool = false, isInternal: Bool = false,
        fitMethod: FitMethod = .each, inputForm: InputForm = .single
    ) {
        self.name = name
        self.node = node
        self.operation = operation
        self.phase = phase
        self.rule = rule
        self.inputs = inputs
        self.model = model
        self.variantDimension = variantDimension
        self.variantCount = variantCount
        self.via = via
        self.viaLabels = viaLabels
        self.emits = emits
        self.wantsOutput = wantsOutput
        self.wantsScore = wantsScore
        self.keepsOutput = keepsOutput
        self.keepsModel = keepsModel
        self.isInternal = isInternal
        self.fitMethod = fitMethod
        self.inputForm = inputForm
    }
}

/// Where a source plan node's entries come from: its i-th entry is the i-th of that list of the request.
public enum SourceOrigin: Hashable, Sendable {
    /// `RunRequest.inputs` of this node.
    case inputs(NodeIndex)
    /// `RunRequest.models` of this node.
    case models(NodeIndex)
}

/// A graph lowered for one mode: every rule of the semantics spelled out as plan nodes, so that the planner needs to know
/// five firing rules and no modes.
public struct Plan: Hashable, Sendable {
    public var nodes: [PlanNode]
    /// For each source plan node: keys of its entries, in input order.
    public var sourceKeys: [PlanNodeIndex: [Key]]
    /// For each source plan node: which list of the request its entries stand for.
    public var origins: [PlanNodeIndex: SourceOrigin]
    /// Nil: the product of all variants.
    public var candidates: [Key]?

    public init(
        nodes: [PlanNode], sourceKeys: [PlanNodeIndex: [Key]], origins: [PlanNodeIndex: SourceOrigin] = [:],
        candidates: [Key]? = nil
    ) {
        self.nodes = nodes
        self.sourceKeys = sourceKeys
        self.origins = origins
        self.candidates = candidates
    }
}
