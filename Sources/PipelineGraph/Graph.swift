import AnabranchCore

/// A node's place in its graph: an index into `Graph.nodes`.
public struct NodeIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: UInt32
    public init(_ rawValue: UInt32) { self.rawValue = rawValue }
    public static func < (left: NodeIndex, right: NodeIndex) -> Bool { left.rawValue < right.rawValue }
    public var description: String { String(rawValue) }
}

public enum NodeKind: UInt8, Hashable, Sendable {
    /// Fires once per reference on any incoming edge, and per variant.
    case or = 1
    /// Fires once per combination of references, one from each incoming edge, that agree.
    case and = 2
}

public enum NodeRole: UInt8, Hashable, Sendable {
    /// Has fit and transform.
    case transformer = 1
    /// Has fit and an output method.
    case predictor = 2
    /// A stateless Python function.
    case function = 3
    /// A stateless function registered in the worker.
    case native = 4
    /// A function that answers several labelled parts.
    case splitter = 5

    public var isFitted: Bool { self == .transformer || self == .predictor }
}

public enum FitPolicy: UInt8, Hashable, Sendable {
    case each = 0
    case all = 1
    case sequential = 2
}

public enum JoinPolicy: UInt8, Hashable, Sendable {
    case natural = 0
    case product = 1
}

public enum MissingPolicy: UInt8, Hashable, Sendable {
    case fail = 0
    case drop = 1
}

public struct Node: Hashable, Sendable {
    public var name: String
    public var kind: NodeKind
    public var role: NodeRole
    /// Estimator or function; nil for native functions, splitters among them.
    public var payload: ObjectRef?
    public var nativeFunction: String
    public var nativeParameters: [UInt8]
    /// 0: no variants, no variant dimension.
    public var variantCount: UInt32
    public var variants: ObjectRef?
    public var outputMethod: String
    public var fit: FitPolicy
    /// `cv=` of a predictor in the middle of a graph.
    public var outOfFoldSplitter: ObjectRef?
    public var inSample: Bool
    /// Names of the dimensions that an AND gathers, short or full.
    public var over: [String]
    public var join: JoinPolicy
    public var missing: MissingPolicy
    /// Name of the data dimension that a splitter adds.
    public var splits: String
    public var needsY: Bool
    /// A function whose output is scored like a predictor's.
    public var emitsPredictions: Bool
    public var limits: Limits
    /// Extra attempts for a task that killed its own runtime.
    public var retries: UInt32
    /// `python` when empty.
    public var executor: String
    public var keepOutput: Bool

    public init(
        name: String, kind: NodeKind, role: NodeRole, payload: ObjectRef? = nil, nativeFunction: String = "",
        nativeParameters: [UInt8] = [], variantCount: UInt32 = 0, variants: ObjectRef? = nil,
        outputMethod: String = "", fit: FitPolicy = .each, outOfFoldSplitter: ObjectRef? = nil,
        inSample: Bool = false, over: [String] = [], join: JoinPolicy = .natural, missing: MissingPolicy = .fail,
        splits: String = "", needsY: Bool = false, emitsPredictions: Bool = false, limits: Limits = Limits(),
        retries: UInt32 = 0, executor: String = "", keepOutput: Bool = false
    ) {
        self.name = name
        self.kind = kind
        self.role = role
        self.payload = payload
        self.nativeFunction = nativeFunction
        self.nativeParameters = nativeParameters
        self.variantCount = variantCount
        self.variants = variants
        self.outputMethod = outputMethod
        self.fit = fit
        self.outOfFoldSplitter = outOfFoldSplitter
        self.inSample = inSample
        self.over = over
        self.join = join
        self.missing = missing
        self.splits = splits
        self.needsY = needsY
        self.emitsPredictions = emitsPredictions
        self.limits = limits
        self.retries = retries
        self.executor = executor
        self.keepOutput = keepOutput
    }
}

/// References flow from `source` to `target`. A node's incoming edges are ordered as they stand in `Graph.edges`.
public struct Edge: Hashable, Sendable {
    public var source: NodeIndex
    public var target: NodeIndex

    public init(source: NodeIndex, target: NodeIndex) {
        self.source = source
        self.target = target
    }
}

public struct Graph: Hashable, Sendable {
    public var name: String
    public var nodes: [Node]
    public var edges: [Edge]

    public init(name: String, nodes: [Node], edges: [Edge]) {
        self.name = name
        self.nodes = nodes
        self.edges = edges
    }
}
