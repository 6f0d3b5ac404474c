/// What made a dimension. The order is the order of a key's parts.
public enum DimensionKind: UInt8, Hashable, Comparable, Sendable, CaseIterable {
    /// A list of inputs, `--by`, or a splitter.
    case data = 1
    /// A cross validation that cut folds.
    case fold = 2
    /// A node that has variants (`params=`).
    case variant = 3
    /// A choice among the sources of an OR node with several incoming edges.
    case via = 4

    public static func < (left: DimensionKind, right: DimensionKind) -> Bool { left.rawValue < right.rawValue }
}

/// A direction in which references differ: (kind, owner).
///
/// The owner of a data dimension is its name (`partition`, `carrier`); of a fold the cross validation that cut it; of a
/// variant its node; of a via the *set* of alternatives, `{minmax, scale}`, so that siblings which choose among the same
/// sources agree.
public struct Dimension: Hashable, Comparable, Sendable {
    public let kind: DimensionKind
    public let owner: String
    /// Labels are positions of a list. They join within a run and mean nothing in another.
    public let positional: Bool

    public init(kind: DimensionKind, owner: String, positional: Bool = false) {
        self.kind = kind
        self.owner = owner
        self.positional = positional
    }

    /// The dimension that a list of inputs makes.
    public static let partition = Dimension(kind: .data, owner: "partition", positional: true)

    /// A data dimension with a name that the user gave.
    public static func data(_ name: String) -> Dimension { Dimension(kind: .data, owner: name) }

    /// The folds that `owner` cut.
    public static func fold(_ owner: String) -> Dimension { Dimension(kind: .fold, owner: owner) }

    /// The variants of a node.
    public static func variant(_ node: String) -> Dimension { Dimension(kind: .variant, owner: node) }

    /// The choice among `alternatives`; their order does not matter.
    public static func via(_ alternatives: some Sequence<String>) -> Dimension {
        Dimension(kind: .via, owner: "{" + alternatives.sorted().joined(separator: ", ") + "}")
    }

    public static func < (left: Dimension, right: Dimension) -> Bool {
        if left.kind != right.kind { return left.kind < right.kind }
        if left.owner != right.owner { return left.owner < right.owner }
        return !left.positional && right.positional
    }

    /// Serves wherever it is unambiguous: `fold`, `carrier`, `pca`, `{minmax, scale}`.
    public var shortName: String { kind == .fold ? "fold" : owner }

    /// Never ambiguous: `fold:cv`, `data:carrier`, `variant:pca`.
    public var fullName: String {
        switch kind {
        case .data: positional ? "data:\(owner)[]" : "data:\(owner)"
        case .fold: "fold:\(owner)"
        case .variant: "variant:\(owner)"
        case .via: "via:\(owner)"
        }
    }
}

extension Dimension: CustomStringConvertible {
    public var description: String { fullName }
}

/// A value along a dimension. Integers come before texts.
public enum Label: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByIntegerLiteral,
    ExpressibleByStringLiteral
{
    case integer(Int64)
    case text(String)

    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(stringLiteral value: String) { self = .text(value) }

    public static func < (left: Label, right: Label) -> Bool {
        switch (left, right) {
        case (.integer(let a), .integer(let b)): a < b
        case (.text(let a), .text(let b)): a < b
        case (.integer, .text): true
        case (.text, .integer): false
        }
    }

    public var description: String {
        switch self {
        case .integer(let value): String(value)
        case .text(let value): value
        }
    }
}
