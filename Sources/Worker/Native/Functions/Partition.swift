import AnabranchCore

/// `partition`: cuts its input into consecutive parts of nearly equal length, as index views.
///
/// Parameters: `partitions` (how many), `dimension` (name of the dimension that the parts are on; `partition`).
enum Partition {
    private struct Parameters: Decodable {
        var partitions: Int
        var dimension: String?
    }

    static func run(_ call: NativeCall) throws -> Success {
        let parameters = try call.parameters(Parameters.self)
        let splitting = try RowSplitting(try call.onlyInput(), call)
        guard parameters.partitions > 0 else {
            throw call.refusal("\(parameters.partitions) partitions are none; ask for 1 or more")
        }
        guard parameters.partitions <= splitting.rowCount else {
            throw call.refusal(
                "\(splitting.rowCount) rows do not make \(parameters.partitions) partitions; ask for as many at most")
        }
        let name = parameters.dimension ?? Dimension.partition.owner
        let dimension = name == Dimension.partition.owner ? Dimension.partition : .data(name)
        let parts = try splitting.ranges(parameters.partitions).enumerated().map { index, range in
            SplitPart(
                labels: [Key.Part(dimension, .integer(Int64(index)))], train: try splitting.rows(Array(range)))
        }
        return Success(parts: parts)
    }
}
