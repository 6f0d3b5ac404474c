import AnabranchCore

extension NativeCall {
    /// All inputs in order: of a node, item by item in key order and edge by edge; of a plain call, its arguments as X.
    ///
    /// - Throws: `NativeFunctionError` when there is none.
    public func inputs() throws -> [Data] {
        let inputs = work.input.map { $0.items.flatMap(\.self) } ?? work.arguments.map { Data(x: View(object: $0)) }
        guard !inputs.isEmpty else { throw refusal("it has no input") }
        return inputs
    }

    /// The only input.
    ///
    /// - Throws: `NativeFunctionError` when there are none or several.
    public func onlyInput() throws -> Data {
        let inputs = try inputs()
        guard inputs.count == 1 else { throw refusal("it takes one input, not \(inputs.count)") }
        return inputs[0]
    }

    /// The answer `data`: a node's output, or the value of a plain call.
    public func success(_ data: Data) -> Success {
        work.input == nil ? Success(value: data.x.object) : Success(output: data)
    }

    /// What a view shows, read in place.
    ///
    /// - Throws: `NativeFunctionError` when it has no rows, or its row indices are none of them.
    public func rows(of view: View) throws -> RowArray {
        let tensor = try tensor(view.object)
        guard let count = tensor.shape.first else { throw refusal("object \(view.object.id) is a scalar, not rows") }
        guard let ref = view.rows else { return RowArray(tensor, rowCount: count, indices: nil) }
        let indices = try rowIndices(ref)
        guard indices.allSatisfy({ $0 >= 0 && $0 < count }) else {
            throw refusal("row indices \(ref.id) reach beyond the \(count) rows of object \(view.object.id)")
        }
        return RowArray(tensor, rowCount: indices.count, indices: indices)
    }

    /// The row indices that a view has.
    ///
    /// - Throws: `NativeFunctionError` when they are no list of int64.
    public func rowIndices(_ ref: ObjectRef) throws -> [Int] {
        let tensor = try tensor(ref)
        guard tensor.shape.count == 1, let indices = tensor.elements(of: Int64.self) else {
            throw refusal("row indices \(ref.id) are \(tensor.dtype) of shape \(tensor.shape), not a list of int64")
        }
        return indices.map(Int.init)
    }

    /// How many rows `data` has, without reading them.
    ///
    /// - Throws: `NativeFunctionError` when nothing of it is an array or has row indices.
    public func rowCount(of data: Data) throws -> Int {
        let views = [data.x, data.y, data.sampleWeight, data.groups, data.rowIDs].compactMap(\.self)
        for view in views {
            if let rows = view.rows { return try tensor(rows).shape.first ?? 0 }
            let object = try whole(view.object)
            if object.encoding == .tensor, let count = try tensor(object).shape.first { return count }
        }
        throw refusal("the rows cannot be counted: neither X nor y is a numeric array")
    }
}
