import AnabranchCore
import ObjectStore

/// `rows.concatenate`: all rows of all inputs below each other, with y, weights, groups and row ids.
enum RowConcatenation {
    static func run(_ call: NativeCall) throws -> Success {
        let inputs = try call.inputs()
        guard call.work.output else { return Success() }
        var output = Data(x: View(object: try concatenated(inputs.map(\.x), "X", call)))
        for column in RowColumn.allCases {
            let views = inputs.compactMap { $0[keyPath: column.path] }
            if views.isEmpty { continue }
            guard views.count == inputs.count else {
                throw call.refusal("\(inputs.count - views.count) of \(inputs.count) inputs have no \(column)")
            }
            output[keyPath: column.path] = View(object: try concatenated(views, column.description, call))
        }
        return call.success(output)
    }

    private static func concatenated(_ views: [View], _ what: String, _ call: NativeCall) throws -> ObjectRef {
        let blocks = try views.map(call.rows)
        let rowShape = blocks[0].rowShape
        for (index, block) in blocks.enumerated() where block.rowShape != rowShape {
            throw call.refusal(
                "\(what) of input \(index) has rows of shape \(block.rowShape), that of the first \(rowShape)")
        }
        let dtype = blocks.dropFirst().reduce(blocks[0].dtype) { $0.promoted(with: $1.dtype) }
        let total = blocks.reduce(0) { $0 + $1.rowCount }
        // As NumPy does: Fortran order stays where all have it.
        let isFortran = rowShape.count == 1 && blocks.allSatisfy(\.isFortran)
        return try call.writeTensor(dtype: dtype, order: isFortran ? .fortran : .c, shape: [total] + rowShape) {
            target in
            var row = 0
            for block in blocks {
                let placement =
                    isFortran
                    ? RowArray.Placement(base: row, rowStride: 1, columnStride: total)
                    : RowArray.Placement(base: row * block.rowLength, rowStride: block.rowLength)
                try block.copy(into: target, as: dtype, placement)
                row += block.rowCount
            }
        }
    }
}
