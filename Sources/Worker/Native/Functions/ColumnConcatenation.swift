import AnabranchCore
import ObjectStore

/// `columns.concatenate`: all columns of all inputs side by side (a feature union); what belongs to the rows passes through.
enum ColumnConcatenation {
    static func run(_ call: NativeCall) throws -> Success {
        let inputs = try call.inputs()
        guard call.work.output else { return Success() }
        let blocks = try inputs.map { try call.rows(of: $0.x) }
        let count = blocks[0].rowCount
        for (index, block) in blocks.enumerated() {
            guard block.rowShape.count <= 1 else {
                throw call.refusal("input \(index) has \(block.rowShape.count + 1) dimensions; 2 is the most")
            }
            guard block.rowCount == count else {
                throw call.refusal("input \(index) has \(block.rowCount) rows, the first has \(count)")
            }
        }
        let dtype = blocks.dropFirst().reduce(blocks[0].dtype) { $0.promoted(with: $1.dtype) }
        let width = blocks.reduce(0) { $0 + $1.rowLength }
        // As NumPy does: Fortran order stays where all have it.
        let isFortran = blocks.allSatisfy(\.isFortran)
        let x = try call.writeTensor(dtype: dtype, order: isFortran ? .fortran : .c, shape: [count, width]) { target in
            var column = 0
            for block in blocks {
                let placement =
                    isFortran
                    ? RowArray.Placement(base: column * count, rowStride: 1, columnStride: count)
                    : RowArray.Placement(base: column, rowStride: width)
                try block.copy(into: target, as: dtype, placement)
                column += block.rowLength
            }
        }
        return call.success(try call.passingThrough(inputs, x: x, rows: count))
    }
}
