import AnabranchCore

extension Node {
    /// The dimension of this node's variants, when it has any.
    var variantDimension: Dimension? { variantCount > 0 ? .variant(name) : nil }

    /// The dimension that says by which of several sources an OR node's reference came.
    func viaDimension(sources: [String]) -> Dimension? {
        kind == .or && sources.count > 1 ? .via(sources) : nil
    }

    /// The dimension that a splitter adds. `partition` is the one that a list of inputs makes: its labels are positions.
    var splitDimension: Dimension? {
        guard role == .splitter else { return nil }
        return splits == Dimension.partition.owner ? .partition : .data(splits)
    }
}
