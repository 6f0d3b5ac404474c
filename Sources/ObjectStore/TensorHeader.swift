/// What stands before the elements of a tensor; `docs/store.md` has the layout.
public struct TensorHeader: Hashable, Sendable {
    public enum Order: UInt8, Hashable, Sendable {
        /// The last index varies fastest.
        case c = 0
        /// The first index varies fastest.
        case fortran = 1
    }

    public static let maximumDimensions = 32
    static let magic: [UInt8] = Array("ABTN".utf8)
    static let version: UInt8 = 1
    private static let fixedLength = 8

    public let dtype: DType
    public let order: Order
    public let shape: [Int]
    /// Bytes of the elements.
    public let byteCount: Int

    /// - Throws: when there are more than 32 dimensions, a length is negative, or the bytes are not to be counted.
    public init(dtype: DType, order: Order = .c, shape: [Int]) throws(TensorFormatError) {
        guard shape.count <= Self.maximumDimensions else {
            throw TensorFormatError("\(shape.count) dimensions; \(Self.maximumDimensions) is the most")
        }
        // The lengths that are not 0 must not overflow either: NumPy refuses such shapes.
        var extent = dtype.size
        for length in shape where length != 0 {
            let (product, overflow) = extent.multipliedReportingOverflow(by: length)
            guard length > 0, !overflow else { throw TensorFormatError("the shape \(shape) is out of range") }
            extent = product
        }
        self.dtype = dtype
        self.order = order
        self.shape = shape
        byteCount = shape.contains(0) ? 0 : extent
    }

    /// Reads and checks the header of an object that is `bytes` long.
    public init(decoding bytes: UnsafeRawBufferPointer) throws(TensorFormatError) {
        guard bytes.count >= RegionAllocator.alignment else {
            throw TensorFormatError("\(bytes.count) bytes are too few for a tensor's header")
        }
        guard bytes.prefix(4).elementsEqual(Self.magic), bytes[4] == Self.version else {
            throw TensorFormatError("it does not begin as a tensor of version \(Self.version) does")
        }
        guard let dtype = DType(rawValue: bytes[5]) else { throw TensorFormatError("unknown dtype \(bytes[5])") }
        guard let order = Order(rawValue: bytes[6]) else { throw TensorFormatError("unknown order \(bytes[6])") }
        let dimensions = Int(bytes[7])
        guard dimensions <= Self.maximumDimensions, Self.length(dimensions: dimensions) <= bytes.count else {
            throw TensorFormatError("\(dimensions) dimensions in \(bytes.count) bytes")
        }
        var shape: [Int] = []
        for index in 0..<dimensions {
            let raw = bytes.loadUnaligned(fromByteOffset: Self.fixedLength + 8 * index, as: UInt64.self)
            guard let length = Int(exactly: UInt64(littleEndian: raw)) else {
                throw TensorFormatError("a length of \(raw)")
            }
            shape.append(length)
        }
        try self.init(dtype: dtype, order: order, shape: shape)
        guard bytes.count - self.length == byteCount else {
            throw TensorFormatError("\(bytes.count) bytes do not hold the shape \(shape) of \(dtype)")
        }
    }

    public var dimensions: Int { shape.count }

    public var elementCount: Int { byteCount / dtype.size }

    /// Bytes of the header itself, a multiple of 64: where the elements begin.
    public var length: Int { Self.length(dimensions: dimensions) }

    /// Writes the header to the beginning of `target`, which is at least `length` bytes long.
    func encode(into target: UnsafeMutableRawBufferPointer) {
        precondition(target.count >= length)
        UnsafeMutableRawBufferPointer(rebasing: target[..<length]).initializeMemory(as: UInt8.self, repeating: 0)
        target.copyBytes(from: Self.magic + [Self.version, dtype.rawValue, order.rawValue, UInt8(dimensions)])
        for (index, length) in shape.enumerated() {
            target.storeBytes(
                of: UInt64(length).littleEndian, toByteOffset: Self.fixedLength + 8 * index, as: UInt64.self)
        }
    }

    private static func length(dimensions: Int) -> Int {
        (fixedLength + 8 * dimensions + RegionAllocator.alignment - 1) & ~(RegionAllocator.alignment - 1)
    }
}
