import ObjectStore

extension DType {
    /// The smallest dtype that holds the values of both, as NumPy's `result_type` has it.
    func promoted(with other: DType) -> DType {
        if self == other || other == .bool { return self }
        if self == .bool { return other }
        switch (isFloating, other.isFloating) {
        case (true, true): return .float64
        case (true, false): return Self.floating(self, other)
        case (false, true): return Self.floating(other, self)
        case (false, false): break
        }
        if isSigned == other.isSigned { return size >= other.size ? self : other }
        let (signed, unsigned) = isSigned ? (self, other) : (other, self)
        if signed.size > unsigned.size { return signed }
        switch unsigned.size {
        case 1: return .int16
        case 2: return .int32
        case 4: return .int64
        default: return .float64
        }
    }

    private static func floating(_ floating: DType, _ integer: DType) -> DType {
        floating == .float32 && integer.size <= 2 ? .float32 : .float64
    }

    private var isFloating: Bool { self == .float32 || self == .float64 }

    private var isSigned: Bool {
        switch self {
        case .int8, .int16, .int32, .int64: true
        default: false
        }
    }
}
