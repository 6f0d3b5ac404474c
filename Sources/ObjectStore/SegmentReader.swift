import AnabranchCore
import Glibc
import Synchronization

/// Reads objects of any writer in place: maps each segment file read-only, whole, once, and keeps it mapped.
///
/// May be used on any thread.
public final class SegmentReader: Sendable {
    private let directory: String
    private let mappings = Mutex<[SegmentName: Mapping]>([:])

    /// - Parameter directory: path of the store.
    public init(directory: String) { self.directory = directory }

    /// The bytes of an object, which stay readable for as long as the result lives.
    ///
    /// - Throws: `objectLost` when the segment is gone or ends before the object, `malformed` for a bad reference.
    public func bytes(of ref: ObjectRef) throws(StoreError) -> ObjectBytes {
        switch ref.location {
        case .inline(let bytes):
            guard UInt64(bytes.count) == ref.length else {
                throw .malformed(ref.id, reason: "\(bytes.count) bytes where its reference says \(ref.length)")
            }
            return ObjectBytes(inline: bytes)
        case .segment(let number, let offset):
            let (end, overflow) = offset.addingReportingOverflow(ref.length)
            guard !overflow, end <= UInt64(Int.max), offset % UInt64(RegionAllocator.alignment) == 0, ref.length > 0,
                number > 0
            else {
                throw .malformed(ref.id, reason: "\(ref.length) bytes at \(offset) of segment \(number)")
            }
            let mapping = try mapping(SegmentName(writer: ref.id.writer, number: number), end: Int(end), of: ref.id)
            return ObjectBytes(mapping, offset: Int(offset), count: Int(ref.length))
        }
    }

    /// Reads an object within `body`.
    ///
    /// - Throws: as `bytes(of:)`, and whatever `body` throws.
    public func withUnsafeBytes<R>(of ref: ObjectRef, _ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
        try bytes(of: ref).withUnsafeBytes(body)
    }

    /// The reference itself or, of a stand-in, one with the bytes that it stands for in it.
    ///
    /// - Throws: as `bytes(of:)`; `objectLost` when nobody keeps them any more, or nothing of them comes.
    public func whole(_ ref: ObjectRef) throws(StoreError) -> ObjectRef {
        guard ref.encoding == .elsewhere else { return ref }
        let standIn = try bytes(of: ref).withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in StandIn(decoding: bytes) }
        guard let standIn else { throw .malformed(ref.id, reason: "it is no stand-in") }
        do throws(StandIn.Refusal) {
            let bytes = try standIn.fetch()
            return ObjectRef(
                id: ref.id, encoding: standIn.encoding, length: UInt64(bytes.count), location: .inline(bytes))
        } catch {
            throw .objectLost(ref.id, reason: error.reason)
        }
    }

    /// An array, read in place.
    ///
    /// - Throws: as `bytes(of:)`; `malformed` when the object is no tensor.
    public func tensor(_ ref: ObjectRef) throws(StoreError) -> TensorView {
        guard ref.encoding == .tensor else {
            throw .malformed(ref.id, reason: "its encoding is \(ref.encoding), not tensor")
        }
        let bytes = try bytes(of: ref)
        do throws(TensorFormatError) {
            let header = try bytes.withUnsafeBytes { pointer throws(TensorFormatError) in
                try TensorHeader(decoding: pointer)
            }
            return TensorView(header: header, object: bytes)
        } catch {
            throw .malformed(ref.id, reason: error.description)
        }
    }

    /// Unmaps segments whose files are gone, so that their memory returns when nothing reads it any more.
    public func sweep() {
        mappings.withLock { mappings in
            mappings = mappings.filter { access("\(directory)/\($0.key)", F_OK) == 0 }
        }
    }

    private func mapping(_ name: SegmentName, end: Int, of object: ObjectID) throws(StoreError) -> Mapping {
        let path = "\(directory)/\(name)"
        if let known = mappings.withLock({ $0[name] }), end <= known.length {
            // To read past the end of a file that was cut short is a SIGBUS. One whose name is gone stays as it is mapped.
            var facts = stat()
            guard lstat(path, &facts) != 0 || facts.st_size >= end else {
                throw .objectLost(object, reason: "its segment \(path) has \(facts.st_size) bytes, it ends at \(end)")
            }
            return known
        }
        sweep()
        let mapping: Mapping
        let size: Int
        do throws(SystemError) {
            let file = try FileDescriptor(opening: path, O_RDONLY | O_NOFOLLOW)
            var facts = stat()
            guard fstat(file.raw, &facts) == 0 else { throw .current }
            size = facts.st_size
            // An empty file cannot be mapped; it holds no object, as is checked below.
            mapping = try Mapping(file, length: max(1, size), .read)
        } catch {
            guard error.code == ENOENT else {
                // The bytes may be there: too many open files, say.
                throw .unusable(path: path, reason: "object \(object) cannot be read: \(error)")
            }
            throw .objectLost(object, reason: "its segment \(path) is gone")
        }
        guard end <= size else {
            throw .objectLost(object, reason: "its segment \(path) has \(size) bytes, it ends at \(end)")
        }
        mappings.withLock { $0[name] = mapping }
        return mapping
    }
}
