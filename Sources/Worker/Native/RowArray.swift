import ObjectStore

/// Rows of an array in the store, as a view shows them.
public struct RowArray: Sendable {
    public let tensor: TensorView
    public let rowCount: Int
    /// Positions of the rows in the array, checked; nil: all of them.
    public let indices: [Int]?
    /// Elements of a row.
    public let rowLength: Int

    /// - Parameter tensor: of at least one dimension.
    init(_ tensor: TensorView, rowCount: Int, indices: [Int]?) {
        self.tensor = tensor
        self.rowCount = rowCount
        self.indices = indices
        rowLength = tensor.shape.dropFirst().reduce(1, *)
    }

    public var dtype: DType { tensor.dtype }

    /// Shape of one row.
    public var rowShape: [Int] { Array(tensor.shape.dropFirst()) }

    /// All rows of an array that stands in Fortran order and in no other.
    var isFortran: Bool { tensor.header.order == .fortran && indices == nil && tensor.shape.count > 1 }

    /// A copy of the elements as floating-point numbers, row after row.
    public func doubles() throws -> [Double] {
        var elements = [Double](repeating: 0, count: rowCount * rowLength)
        try elements.withUnsafeMutableBytes { try copy(into: $0, as: .float64, Placement(rowStride: rowLength)) }
        return elements
    }

    /// Where an element of the rows goes: `base + row * rowStride + column * columnStride` elements into the target.
    struct Placement {
        var base = 0
        var rowStride: Int
        var columnStride = 1
    }

    /// Copies the elements, converted, into a target of `dtype`. Columns count as in C order.
    ///
    /// The target holds every place that `placement` names.
    func copy(into target: UnsafeMutableRawBufferPointer, as dtype: DType, _ placement: Placement) throws {
        guard rowCount > 0, rowLength > 0 else { return }
        let isWhole = indices == nil && tensor.header.order == .c && dtype == self.dtype
        if isWhole, placement.columnStride == 1, placement.rowStride == rowLength {
            tensor.withUnsafeBytes { bytes in
                let start = placement.base * dtype.size
                UnsafeMutableRawBufferPointer(rebasing: target[start..<start + bytes.count]).copyMemory(from: bytes)
            }
            return
        }
        try dtype.visit(TargetVisitor(rows: self, target: target, placement: placement))
    }

    /// Offset of each column within the array, and how far apart its rows are; in elements.
    fileprivate var sourceLayout: (columns: [Int], rowStride: Int) {
        guard tensor.header.order == .fortran else { return (Array(0..<rowLength), rowLength) }
        var columns = [0]
        var stride = tensor.shape[0]
        for length in rowShape {
            columns = columns.flatMap { base in (0..<length).map { base + $0 * stride } }
            stride *= length
        }
        return (columns, 1)
    }
}

private struct TargetVisitor: ElementVisitor {
    let rows: RowArray
    let target: UnsafeMutableRawBufferPointer
    let placement: RowArray.Placement

    func visit<Target: ArrayElement>(_ type: Target.Type) throws {
        let visitor = SourceVisitor(
            rows: rows, target: target.assumingMemoryBound(to: Target.self), placement: placement)
        try rows.dtype.visit(visitor)
    }
}

private struct SourceVisitor<Target: ArrayElement>: ElementVisitor {
    let rows: RowArray
    let target: UnsafeMutableBufferPointer<Target>
    let placement: RowArray.Placement

    func visit<Source: ArrayElement>(_ type: Source.Type) throws {
        let layout = rows.sourceLayout
        rows.tensor.withUnsafeBytes { bytes in
            let source = bytes.assumingMemoryBound(to: Source.self)
            // Without conversion where none is needed: of one type, a bit cast is the identity.
            let isSame = Source.self == Target.self
            for row in 0..<rows.rowCount {
                let from = (rows.indices?[row] ?? row) * layout.rowStride
                var to = placement.base + row * placement.rowStride
                for column in layout.columns {
                    let element = source[from + column]
                    target[to] = isSame ? unsafeBitCast(element, to: Target.self) : Target(element.scalar)
                    to += placement.columnStride
                }
            }
        }
    }
}
