import AnabranchCore

/// `folds`: pairs of training and test rows as index views, cut as scikit-learn's `KFold` without shuffling does.
///
/// Parameters: `splits` (how many; 5), `owner` (of the fold dimension; the node).
enum Folds {
    private struct Parameters: Decodable {
        var splits: Int?
        var owner: String?
    }

    static func run(_ call: NativeCall) throws -> Success {
        let parameters = try call.parameters(Parameters.self)
        let splits = parameters.splits ?? 5
        let splitting = try RowSplitting(try call.onlyInput(), call)
        guard splits >= 2, splits <= splitting.rowCount else {
            throw call.refusal(
                "\(splitting.rowCount) rows do not make \(splits) folds; at least 2, at most one per row")
        }
        let dimension = Dimension.fold(parameters.owner ?? call.node)
        let parts = try splitting.ranges(splits).enumerated().map { index, test in
            let train = Array(0..<test.lowerBound) + Array(test.upperBound..<splitting.rowCount)
            return SplitPart(
                labels: [Key.Part(dimension, .integer(Int64(index)))], train: try splitting.rows(train),
                test: try splitting.rows(Array(test)))
        }
        return Success(parts: parts)
    }
}
