import AnabranchCore

/// An object's bytes, read in place; what they stand in stays for as long as this does.
public struct ObjectBytes: Sendable {
    private enum Storage: Sendable {
        case inline([UInt8])
        case mapped(Mapping, offset: Int)
    }

    private let storage: Storage
    public let count: Int

    init(inline bytes: [UInt8]) {
        storage = .inline(bytes)
        count = bytes.count
    }

    /// The caller has checked that offset and count lie within the mapping.
    init(_ mapping: Mapping, offset: Int, count: Int) {
        storage = .mapped(mapping, offset: offset)
        self.count = count
    }

    /// The pointer is valid within `body` only; it is aligned to 64 bytes for objects in segments.
    public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        switch storage {
        case .inline(let bytes):
            // `Array.withUnsafeBytes` rethrows any error; a result carries the typed one out.
            let result: Result<R, E> = bytes.withUnsafeBytes { pointer in
                do throws(E) { return .success(try body(pointer)) } catch { return .failure(error) }
            }
            return try result.get()
        case .mapped(let mapping, let offset):
            defer { withExtendedLifetime(mapping) {} }
            return try body(UnsafeRawBufferPointer(start: mapping.address + offset, count: count))
        }
    }
}
