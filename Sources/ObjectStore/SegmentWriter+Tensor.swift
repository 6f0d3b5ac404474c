import AnabranchCore

extension SegmentWriter {
    /// Writes a new array: `fill` gets the bytes of its elements, aligned for them, and fills all of them.
    ///
    /// - Throws: `TensorFormatError` for a shape out of range, else as `write`.
    public func writeTensor(
        dtype: DType, order: TensorHeader.Order = .c, shape: [Int],
        _ fill: (UnsafeMutableRawBufferPointer) throws -> Void
    ) throws -> ObjectRef {
        let header = try TensorHeader(dtype: dtype, order: order, shape: shape)
        let (length, overflow) = header.length.addingReportingOverflow(header.byteCount)
        guard !overflow else { throw TensorFormatError("the shape \(shape) is out of range") }
        return try write(.tensor, length: length) { target in
            header.encode(into: target)
            try fill(UnsafeMutableRawBufferPointer(rebasing: target[header.length...]))
        }
    }

    /// Writes `elements`, in the given order, as an array of this shape.
    ///
    /// - Throws: `TensorFormatError` when the shape does not have as many elements, else as `write`.
    public func writeTensor<Element: TensorElement>(
        _ elements: [Element], shape: [Int], order: TensorHeader.Order = .c
    ) throws -> ObjectRef {
        let header = try TensorHeader(dtype: Element.dtype, order: order, shape: shape)
        guard header.elementCount == elements.count else {
            throw TensorFormatError("\(elements.count) elements do not have the shape \(shape)")
        }
        return try writeTensor(dtype: Element.dtype, order: order, shape: shape) { target in
            elements.withUnsafeBytes { target.copyMemory(from: $0) }
        }
    }

    /// Writes a one-dimensional array.
    public func writeTensor<Element: TensorElement>(_ elements: [Element]) throws -> ObjectRef {
        try writeTensor(elements, shape: [elements.count])
    }
}
