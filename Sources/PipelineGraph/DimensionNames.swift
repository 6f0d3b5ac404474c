import AnabranchCore

/// The dimensions among which a name that a user typed (`fold`, `carrier`, `variant:pca`) is looked up.
public struct DimensionNames: Sendable {
    private let dimensions: [Dimension]

    public init(_ dimensions: some Sequence<Dimension>) {
        self.dimensions = Set(dimensions).sorted()
    }

    /// The dimension with this full name, or the only one with this short name.
    public func resolve(_ name: String) throws(DimensionNameError) -> Dimension {
        if let full = dimensions.first(where: { $0.fullName == name }) { return full }
        let short = dimensions.filter { $0.shortName == name }
        guard let found = short.first else {
            throw .unknown(name, known: dimensions.map(\.fullName))
        }
        guard short.count == 1 else {
            throw .ambiguous(name, candidates: short.map(\.fullName))
        }
        return found
    }
}

extension Plan {
    /// Every dimension that a key of this plan can have, inner folds left out: they never leave their node.
    public var dimensions: Set<Dimension> {
        var found: Set<Dimension> = []
        for keys in sourceKeys.values {
            for key in keys { found.formUnion(key.dimensions) }
        }
        for node in nodes where !node.isInternal {
            if let variant = node.variantDimension { found.insert(variant) }
            if let via = node.via { found.insert(via) }
            found.formUnion(node.emits)
        }
        return found
    }
}
