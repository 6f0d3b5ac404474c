import AnabranchCore
import ObjectStore
import Testing

@testable import Worker

@Suite struct NativeFunctionTests {
    let scratch: NativeScratch

    init() throws { scratch = try NativeScratch() }

    private func refusal(_ body: () throws -> Success) -> String? {
        let error = #expect(throws: NativeFunctionError.self) { _ = try body() }
        return error?.description
    }

    // MARK: - Concatenation

    @Test func rowsAreConcatenatedWithAllThatBelongsToThem() throws {
        let first = Data(
            x: try scratch.array([1.0, 2, 3, 4], [2, 2]), y: try scratch.array([0, 1] as [Int64]),
            rowIDs: try scratch.array([7, 8] as [Int64]))
        let base = try scratch.array([10.0, 20, 30, 40, 50, 60], [3, 2])
        let second = Data(
            x: try scratch.view(base, rows: [2, 0]),
            y: try scratch.view(scratch.array([5, 6, 7] as [Int64]), rows: [2, 0]),
            rowIDs: try scratch.array([9, 10] as [Int64]))
        let output = try #require(try scratch.call("rows.concatenate", [first, second]).output)
        #expect(try scratch.shape(output.x) == [4, 2])
        #expect(try scratch.elements(output.x, of: Double.self) == [1, 2, 3, 4, 50, 60, 10, 20])
        #expect(try scratch.elements(output.y, of: Int64.self) == [0, 1, 7, 5])
        #expect(try scratch.elements(output.rowIDs, of: Int64.self) == [7, 8, 9, 10])
        #expect(output.groups == nil)
    }

    @Test func rowsOfDifferentDtypesArePromotedAsNumPyDoes() throws {
        let inputs = [
            Data(x: try scratch.array([-1, 2] as [Int32])), Data(x: try scratch.array([1.5, 2.5] as [Float])),
        ]
        let output = try #require(try scratch.call("rows.concatenate", inputs).output)
        #expect(try scratch.elements(output.x, of: Double.self) == [-1, 2, 1.5, 2.5])
    }

    @Test func fortranOrderStaysWhereAllHaveIt() throws {
        let f = Data(x: try scratch.array([1.0, 3, 5, 2, 4, 6], [3, 2], order: .fortran))
        let g = Data(x: try scratch.array([7.0, 8], [1, 2], order: .fortran))
        let c = Data(x: try scratch.array([7.0, 8], [1, 2]))
        let both = try #require(try scratch.call("rows.concatenate", [f, g]).output)
        #expect(try scratch.store.reader.tensor(both.x.object).header.order == .fortran)
        #expect(try scratch.elements(both.x, of: Double.self) == [1, 3, 5, 7, 2, 4, 6, 8])
        let mixed = try #require(try scratch.call("rows.concatenate", [f, c]).output)
        #expect(try scratch.store.reader.tensor(mixed.x.object).header.order == .c)
        #expect(try scratch.elements(mixed.x, of: Double.self) == [1, 2, 3, 4, 5, 6, 7, 8])
        let columns = try #require(try scratch.call("columns.concatenate", [f, f]).output)
        #expect(try scratch.store.reader.tensor(columns.x.object).header.order == .fortran)
        #expect(try scratch.elements(columns.x, of: Double.self) == [1, 3, 5, 2, 4, 6, 1, 3, 5, 2, 4, 6])
    }

    @Test func rowsOfDifferentShapesAreRefused() throws {
        let inputs = [
            Data(x: try scratch.array([1.0, 2], [1, 2])), Data(x: try scratch.array([1.0, 2, 3], [1, 3])),
        ]
        let message = refusal { try scratch.call("rows.concatenate", inputs) }
        #expect(message == "node (rows.concatenate): X of input 1 has rows of shape [3], that of the first [2]")
    }

    @Test func rowsOfWhichSomeHaveNoYAreRefused() throws {
        let x = try scratch.array([1.0])
        let message = refusal { try scratch.call("rows.concatenate", [Data(x: x, y: x), Data(x: x)]) }
        #expect(message == "node (rows.concatenate): 1 of 2 inputs have no y")
    }

    @Test func columnsStandSideBySideAndASharedYPassesThrough() throws {
        let y = try scratch.view(scratch.array([4, 5, 6] as [Int64]), rows: [0, 2])
        let inputs = [
            Data(x: try scratch.array([1.0, 2, 3, 4], [2, 2]), y: y), Data(x: try scratch.array([5.0, 6]), y: y),
            Data(x: try scratch.view(scratch.array([7.0, 9, 8], [3, 1], order: .fortran), rows: [0, 2]), y: y),
        ]
        let output = try #require(try scratch.call("columns.concatenate", inputs).output)
        #expect(try scratch.shape(output.x) == [2, 4])
        #expect(try scratch.elements(output.x, of: Double.self) == [1, 2, 5, 7, 3, 4, 6, 8])
        #expect(output.y == y)
    }

    @Test func differentYsAreRefusedByNameAndDifferentRowIDsAreLeftOut() throws {
        let x = try scratch.array([1.0, 2], [2, 1])
        let y = try scratch.array([0, 1] as [Int64])
        let other = try scratch.array([0, 1] as [Int64])
        let message = refusal { try scratch.call("columns.concatenate", [Data(x: x, y: y), Data(x: x, y: other)]) }
        #expect(message?.hasPrefix("node (columns.concatenate): its inputs have different y") == true)
        #expect(refusal { try scratch.call("mean", [Data(x: x, y: y), Data(x: x)]) }?.contains("different y") == true)
        let inputs = [Data(x: x, y: y, rowIDs: y), Data(x: x, y: y, rowIDs: other)]
        let output = try #require(try scratch.call("columns.concatenate", inputs).output)
        #expect(output.y == y && output.rowIDs == nil)
    }

    @Test func columnsOfDifferentLengthsAreRefused() throws {
        let inputs = [Data(x: try scratch.array([1.0, 2])), Data(x: try scratch.array([1.0]))]
        #expect(
            refusal { try scratch.call("columns.concatenate", inputs) }?.contains("has 1 rows, the first has 2") == true
        )
    }

    // MARK: - Predictions

    @Test func theMeanIsThatOfNumPy() throws {
        let a = Data(x: try scratch.array([1.0, 2, 3, 4], [2, 2]))
        let b = Data(x: try scratch.array([3, 3, 3, 3] as [Int32], [2, 2]))
        let plain = try #require(try scratch.call("mean", [a, b]).output)
        #expect(try scratch.elements(plain.x, of: Double.self) == [2, 2.5, 3, 3.5])
        let weighted = try #require(try scratch.call("mean", [a, b], parameters: #"{"weights": [1, 3]}"#).output)
        #expect(try scratch.elements(weighted.x, of: Double.self) == [2.5, 2.75, 3, 3.25])
        let single = Data(x: try scratch.array([0.1, 0.2] as [Float]))
        let narrow = try #require(try scratch.call("mean", [single, single, single]).output)
        let expected = [0.1, 0.2].map { (value: Float) in (value + value + value) / 3 }
        #expect(try scratch.elements(narrow.x, of: Float.self) == expected)
    }

    @Test func weightsAreChecked() throws {
        let a = Data(x: try scratch.array([1.0]))
        for weights in ["[1]", "[0, 0]", "[-1, 2]", "[\"a\", 1]", "3"] {
            #expect(refusal { try scratch.call("vote", [a, a], parameters: "{\"weights\": \(weights)}") } != nil)
        }
        #expect(refusal { try scratch.call("mean", [a, a], parameters: "{") } != nil)
    }

    @Test func theVoteTakesTheSmallestOfEquals() throws {
        let inputs = [
            Data(x: try scratch.array([3, 1, 5, 9] as [Int64])), Data(x: try scratch.array([2, 1, 5, 8] as [Int64])),
            Data(x: try scratch.array([1, 2, 4, 8] as [Int64], [4, 1])),
        ]
        let output = try #require(try scratch.call("vote", inputs).output)
        #expect(try scratch.shape(output.x) == [4])
        #expect(try scratch.elements(output.x, of: Int64.self) == [1, 1, 5, 8])
        let weighted = try #require(try scratch.call("vote", inputs, parameters: #"{"weights": [3, 1, 1]}"#).output)
        #expect(try scratch.elements(weighted.x, of: Int64.self) == [3, 1, 5, 9])
        let wide = Data(x: try scratch.array([1.0, 2], [1, 2]))
        #expect(refusal { try scratch.call("vote", [wide, wide]) }?.contains("not one label each") == true)
    }

    // MARK: - Splitting

    @Test func partitionsAreViewsOfTheSameObject() throws {
        let base = try scratch.array((0..<7).map(Double.init))
        let data = Data(
            x: try scratch.view(base, rows: [6, 5, 4, 3, 2]), y: try scratch.array([0, 1, 2, 3, 4] as [Int64]))
        let parts = try scratch.call("partition", [data], parameters: #"{"partitions": 2}"#).parts
        #expect(parts.map(\.labels) == [0, 1].map { [Key.Part(.partition, .integer($0))] })
        #expect(parts.allSatisfy { $0.train.x.object == base.object && $0.test == nil })
        #expect(try parts.map { try scratch.elements($0.train.x, of: Double.self) } == [[6, 5, 4], [3, 2]])
        #expect(try parts.map { try scratch.elements($0.train.y, of: Int64.self) } == [[0, 1, 2], [3, 4]])
        let positions = try parts.map {
            try scratch.elements($0.train.positions.map { View(object: $0) }, of: Int64.self)
        }
        #expect(positions == [[0, 1, 2], [3, 4]])
        let named = try scratch.call("partition", [data], parameters: #"{"partitions": 1, "dimension": "site"}"#).parts
        #expect(named.map(\.labels) == [[Key.Part(.data("site"), 0)]])
    }

    @Test func foldsAreThoseOfKFold() throws {
        let data = Data(x: try scratch.pickled(), y: try scratch.array((0..<5).map(Int64.init)))
        let parts = try scratch.call("folds", [data], parameters: #"{"splits": 3}"#).parts
        #expect(try parts.map { try scratch.elements($0.test?.y, of: Int64.self) } == [[0, 1], [2, 3], [4]])
        #expect(
            try parts.map { try scratch.elements($0.train.y, of: Int64.self) } == [
                [2, 3, 4], [0, 1, 4], [0, 1, 2, 3],
            ])
        #expect(parts.map(\.labels) == [0, 1, 2].map { [Key.Part(.fold("node"), .integer($0))] })
        #expect(parts.allSatisfy { $0.train.x.rows == $0.train.y?.rows && $0.train.x.rows != nil })
    }

    @Test func impossibleSplitsAreRefused() throws {
        let data = Data(x: try scratch.array([1.0, 2]))
        for count in [0, -1, 3] {
            #expect(refusal { try scratch.call("partition", [data], parameters: "{\"partitions\": \(count)}") } != nil)
        }
        for count in [0, 1, 3] {
            #expect(refusal { try scratch.call("folds", [data], parameters: "{\"splits\": \(count)}") } != nil)
        }
        #expect(refusal { try scratch.call("partition", [data]) }?.contains("'partitions' is missing") == true)
        let text = Data(x: try scratch.pickled())
        #expect(refusal { try scratch.call("folds", [text]) }?.contains("cannot be counted") == true)
    }

    // MARK: - Input that is none

    @Test func theIdentityAnswersWithItsInput() throws {
        let data = Data(x: try scratch.pickled())
        #expect(try scratch.call("identity", [data]) == Success(output: data))
        #expect(
            try scratch.call(NativeWork(function: "identity", arguments: [data.x.object]))
                == Success(value: data.x.object))
        #expect(refusal { try scratch.call("identity", [data, data]) }?.contains("one input, not 2") == true)
        #expect(refusal { try scratch.call(NativeWork(function: "identity")) }?.contains("no input") == true)
        #expect(try scratch.call(NativeWork(function: "noop")) == Success())
    }

    @Test(arguments: ["rows.concatenate", "columns.concatenate", "mean", "vote"])
    func badInputIsRefused(function: String) throws {
        let x = try scratch.array([1.0, 2])
        let bad = [
            try scratch.pickled(), try scratch.view(x, rows: [2]), try scratch.view(x, rows: [-1]),
            View(object: x.object, rows: x.object), try scratch.array([1.0], []),
        ]
        for view in bad {
            #expect(refusal { try scratch.call(function, [Data(x: view), Data(x: view)]) }?.hasPrefix("node") == true)
        }
        #expect(refusal { try scratch.call(function, []) } != nil)
        let lost = ObjectRef(
            id: ObjectID(writer: WriterID(99), sequence: 1), encoding: .tensor, length: 640,
            location: .segment(1, offset: 0))
        #expect(throws: StoreError.self) { try scratch.call(function, [Data(x: View(object: lost))]) }
    }

    @Test(arguments: ["rows.concatenate", "columns.concatenate", "mean", "vote"])
    func anOutputThatNobodyWantsIsNotMade(function: String) throws {
        let x = try scratch.array([1.0, 2])
        #expect(try scratch.call(function, [Data(x: x)], output: false) == Success())
        let empty = Data(x: try scratch.array([Double]()))
        let output = try #require(try scratch.call(function, [empty, empty]).output)
        #expect(try scratch.shape(output.x).first == 0)
    }
}
