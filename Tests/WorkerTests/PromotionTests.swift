import ObjectStore
import Testing

@testable import Worker

@Suite struct PromotionTests {
    /// NumPy's `result_type`, upper triangle, in the order of the dtypes' codes.
    static let table: [(DType, [DType])] = [
        (.bool, [.bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float32, .float64]),
        (.int8, [.int8, .int16, .int32, .int64, .int16, .int32, .int64, .float64, .float32, .float64]),
        (.int16, [.int16, .int32, .int64, .int16, .int32, .int64, .float64, .float32, .float64]),
        (.int32, [.int32, .int64, .int32, .int32, .int64, .float64, .float64, .float64]),
        (.int64, [.int64, .int64, .int64, .int64, .float64, .float64, .float64]),
        (.uint8, [.uint8, .uint16, .uint32, .uint64, .float32, .float64]),
        (.uint16, [.uint16, .uint32, .uint64, .float32, .float64]),
        (.uint32, [.uint32, .uint64, .float64, .float64]),
        (.uint64, [.uint64, .float64, .float64]),
        (.float32, [.float32, .float64]),
        (.float64, [.float64]),
    ]

    @Test func isThatOfNumPy() {
        for (index, (left, row)) in Self.table.enumerated() {
            for (right, expected) in zip(DType.allCases.dropFirst(index), row) {
                #expect(left.promoted(with: right) == expected, "\(left) and \(right)")
                #expect(right.promoted(with: left) == expected, "\(right) and \(left)")
            }
        }
    }
}
