import AnabranchCore
import ObjectStore

/// What a native function is given: its input, its parameters, and the store to read from and write to.
public struct NativeCall: Sendable {
    public let work: NativeWork
    public let key: Key
    /// Name of the node, for messages; empty for plain calls.
    public let node: String
    private let store: NativeStore?
    private let meter: NativeMeter
    private let fetched = FetchedObjects()

    /// A call, as a worker or a test makes it.
    public init(work: NativeWork, key: Key = .empty, node: String = "", store: NativeStore? = nil) {
        self.init(work: work, key: key, node: node, store: store, meter: NativeMeter())
    }

    init(work: NativeWork, key: Key, node: String, store: NativeStore?, meter: NativeMeter) {
        self.work = work
        self.key = key
        self.node = node
        self.store = store
        self.meter = meter
    }

    /// The function and its node, for messages.
    public var name: String { node.isEmpty ? work.function : "\(node) (\(work.function))" }

    /// An error that names this call.
    public func refusal(_ reason: String) -> NativeFunctionError { NativeFunctionError("\(name): \(reason)") }

    /// An array, read in place.
    ///
    /// - Throws: `NativeFunctionError` when the object is not a tensor, `StoreError` when its bytes are gone or malformed.
    public func tensor(_ ref: ObjectRef) throws -> TensorView {
        let ref = try whole(ref)
        guard ref.encoding == .tensor else {
            throw refusal("object \(ref.id) is no numeric array; native functions read those alone")
        }
        let tensor = try opened().reader.tensor(ref)
        meter.countRead(ref.length)
        return tensor
    }

    /// The reference with which the object is read: what a stand-in stands for is fetched, once in a call.
    ///
    /// - Throws: `StoreError.objectLost` when its bytes are gone.
    func whole(_ ref: ObjectRef) throws -> ObjectRef {
        guard ref.encoding == .elsewhere else { return ref }
        return try fetched.object(ref) { ref in
            let whole = try opened().reader.whole(ref)
            meter.countCopied(Int(whole.length))
            return whole
        }
    }

    /// Writes an array; `fill` gets the bytes of its elements and fills all of them.
    ///
    /// - Throws: `StoreError.full`, and what `fill` throws.
    public func writeTensor(
        dtype: DType, order: TensorHeader.Order = .c, shape: [Int],
        _ fill: (UnsafeMutableRawBufferPointer) throws -> Void
    ) throws -> ObjectRef {
        let ref = try opened().writer.writeTensor(dtype: dtype, order: order, shape: shape, fill)
        meter.countWritten(ref.length)
        return ref
    }

    /// Writes a one-dimensional array.
    public func writeTensor<Element: TensorElement>(_ elements: [Element]) throws -> ObjectRef {
        try writeTensor(dtype: Element.dtype, shape: [elements.count]) { target in
            elements.withUnsafeBytes { target.copyMemory(from: $0) }
        }
    }

    func countCopied(_ bytes: Int) { meter.countCopied(bytes) }

    private func opened() throws -> NativeStore {
        guard let store else { throw refusal("this worker has no object store") }
        return store
    }
}
