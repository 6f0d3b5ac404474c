import ObjectStore

/// An element of any dtype, widened without loss.
enum Scalar {
    case signed(Int64)
    case unsigned(UInt64)
    case floating(Double)
}

/// An element type that native functions compute with. Booleans are computed with as `UInt8`.
protocol ArrayElement: TensorElement {
    var scalar: Scalar { get }

    /// The nearest value of this type. Promotion never makes an integer of a floating-point number.
    init(_ scalar: Scalar)
}

extension ArrayElement where Self: FixedWidthInteger {
    var scalar: Scalar { Self.isSigned ? .signed(Int64(self)) : .unsigned(UInt64(self)) }

    init(_ scalar: Scalar) {
        switch scalar {
        case .signed(let value): self.init(truncatingIfNeeded: value)
        case .unsigned(let value): self.init(truncatingIfNeeded: value)
        case .floating: preconditionFailure("promotion made \(Self.self) of a floating-point number")
        }
    }
}

extension ArrayElement where Self: BinaryFloatingPoint {
    var scalar: Scalar { .floating(Double(self)) }

    init(_ scalar: Scalar) {
        switch scalar {
        case .signed(let value): self.init(value)
        case .unsigned(let value): self.init(value)
        case .floating(let value): self.init(value)
        }
    }
}

extension Int8: ArrayElement {}
extension Int16: ArrayElement {}
extension Int32: ArrayElement {}
extension Int64: ArrayElement {}
extension UInt8: ArrayElement {}
extension UInt16: ArrayElement {}
extension UInt32: ArrayElement {}
extension UInt64: ArrayElement {}
extension Float: ArrayElement {}
extension Double: ArrayElement {}

/// Something to do with the element type of a dtype.
protocol ElementVisitor {
    associatedtype Result
    func visit<Element: ArrayElement>(_ type: Element.Type) throws -> Result
}

extension DType {
    func visit<Visitor: ElementVisitor>(_ visitor: Visitor) throws -> Visitor.Result {
        switch self {
        case .bool, .uint8: try visitor.visit(UInt8.self)
        case .int8: try visitor.visit(Int8.self)
        case .int16: try visitor.visit(Int16.self)
        case .int32: try visitor.visit(Int32.self)
        case .int64: try visitor.visit(Int64.self)
        case .uint16: try visitor.visit(UInt16.self)
        case .uint32: try visitor.visit(UInt32.self)
        case .uint64: try visitor.visit(UInt64.self)
        case .float32: try visitor.visit(Float.self)
        case .float64: try visitor.visit(Double.self)
        }
    }
}
