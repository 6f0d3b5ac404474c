import AnabranchCore

extension NativeCall {
    /// `x` with the y, weights, groups, row ids and positions that all inputs share: the same reference and rows.
    ///
    /// Row ids that are not shared are left out: nothing computes with them.
    /// - Throws: `NativeFunctionError` when another column is not the same on all inputs, or `rows` are not as many.
    public func passingThrough(_ inputs: [Data], x: ObjectRef, rows: Int) throws -> Data {
        var output = Data(x: View(object: x))
        for column in RowColumn.allCases {
            let views = inputs.map { $0[keyPath: column.path] }
            guard views.dropFirst().allSatisfy({ $0?.sameRows(as: views[0]) ?? (views[0] == nil) }) else {
                if column == .rowIDs { continue }
                throw refusal(
                    "its inputs have different \(column), and \(work.function) cannot choose: join references that "
                        + "have the same, or use a Python function that returns them")
            }
            output[keyPath: column.path] = views[0]
        }
        let positions = inputs.map(\.positions)
        if positions.dropFirst().allSatisfy({ $0?.id == positions[0]?.id }) { output.positions = positions[0] }
        if let count = try? rowCount(of: Data(x: output.y ?? output.x)), count != rows {
            throw refusal("\(rows) rows of output for a y of \(count) rows")
        }
        return output
    }
}

/// What belongs to the rows of X.
enum RowColumn: CaseIterable, CustomStringConvertible {
    case y, sampleWeight, groups, rowIDs

    var path: WritableKeyPath<Data, View?> {
        switch self {
        case .y: \.y
        case .sampleWeight: \.sampleWeight
        case .groups: \.groups
        case .rowIDs: \.rowIDs
        }
    }

    var description: String {
        switch self {
        case .y: "y"
        case .sampleWeight: "sample weights"
        case .groups: "groups"
        case .rowIDs: "row ids"
        }
    }
}

extension View {
    /// Whether both show the same rows of the same object.
    func sameRows(as other: View?) -> Bool {
        guard let other else { return false }
        return object.id == other.object.id && rows?.id == other.rows?.id
    }
}
