/// An array in the store, read in place; its memory stays for as long as this does.
public struct TensorView: Sendable {
    public let header: TensorHeader
    private let object: ObjectBytes

    init(header: TensorHeader, object: ObjectBytes) {
        self.header = header
        self.object = object
    }

    public var shape: [Int] { header.shape }
    public var dtype: DType { header.dtype }

    /// The elements as bytes, in the header's order. The pointer is valid within `body` only.
    public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try object.withUnsafeBytes { bytes throws(E) in
            try body(UnsafeRawBufferPointer(rebasing: bytes[header.length...]))
        }
    }

    /// The elements, in the header's order. Nil when the dtype is not that of `Element`.
    public func withElements<Element: TensorElement, R, E: Error>(
        of type: Element.Type, _ body: (UnsafeBufferPointer<Element>) throws(E) -> R
    ) throws(E) -> R? {
        guard header.dtype == Element.dtype else { return nil }
        return try withUnsafeBytes { bytes throws(E) in try body(bytes.assumingMemoryBound(to: Element.self)) }
    }

    /// A copy of the elements, in the header's order. Nil when the dtype is not that of `Element`.
    public func elements<Element: TensorElement>(of type: Element.Type) -> [Element]? {
        withElements(of: type) { Array($0) }
    }
}
