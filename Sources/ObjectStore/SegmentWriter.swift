import AnabranchCore
import Glibc
import Synchronization

/// Writes objects into segments of its own and uses their regions again when they are released.
///
/// Holds the writer's lock for as long as it lives; objects that it wrote outlive it. May be used on any thread.
public final class SegmentWriter: Sendable {
    private struct State {
        var table: SegmentTable
        var files: [UInt32: SegmentFile] = [:]
        /// Files that somebody removed or cut short; another thread may be writing to one, so they stay mapped.
        var broken: [SegmentFile] = []
        var lastSequence: UInt64 = 0
        /// Sequence of an object to its place.
        var placed: [UInt64: (segment: UInt32, offset: Int)] = [:]
    }

    public let writer: WriterID
    /// Objects of up to this many bytes travel in their references.
    public let inlineThreshold: Int
    private let directory: String
    private let budget: UInt64
    private let lock: FileLock
    private let state: Mutex<State>

    /// - Parameters:
    ///   - directory: path of the store.
    ///   - writer: not used before, not 0.
    ///   - budget: bytes that all segments of the store may have together; 0: no limit but the file system's.
    /// - Throws: `unusable` when the directory cannot be written to or another process has the writer's id.
    public init(
        directory: String, writer: WriterID, inlineThreshold: Int = 8192, budget: UInt64 = 0
    ) throws(StoreError) {
        do throws(SystemError) {
            guard let lock = try FileLock("\(directory)/\(writer.lockName)", .doNotBlock) else {
                throw SystemError(code: EBUSY)
            }
            self.lock = lock
        } catch {
            throw .unusable(path: directory, reason: "writer \(writer.hexadecimal) cannot be locked: \(error)")
        }
        self.writer = writer
        self.inlineThreshold = inlineThreshold
        self.directory = directory
        self.budget = budget
        state = Mutex(State(table: SegmentTable(budget: Int(clamping: budget))))
    }

    /// Empty segments go, the others stay for their readers until the coordinator removes them.
    deinit {
        state.withLock { state in
            for number in state.table.removeIdle(keeping: 0) { state.files[number]?.remove() }
        }
        unlink("\(directory)/\(writer.lockName)")
    }

    /// Writes a new object: `fill` gets its `length` bytes, zeroed or not, and fills all of them.
    ///
    /// - Throws: `full` when there is no room, and what `fill` throws; nothing is kept then.
    public func write(
        _ encoding: Encoding, length: Int, _ fill: (UnsafeMutableRawBufferPointer) throws -> Void
    ) throws -> ObjectRef {
        if length <= inlineThreshold {
            let bytes = try [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
                try fill(UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: length))
                count = length
            }
            return ObjectRef(id: nextID(), encoding: encoding, length: UInt64(length), location: .inline(bytes))
        }
        let place = try allocate(length)
        do {
            try fill(place.target)
        } catch {
            release(segment: place.segment, offset: place.offset)
            throw error
        }
        let id = nextID()
        state.withLock { $0.placed[id.sequence] = (place.segment, place.offset) }
        return ObjectRef(
            id: id, encoding: encoding, length: UInt64(length),
            location: .segment(place.segment, offset: UInt64(place.offset)))
    }

    /// Lets the regions of these objects be used again: nobody needs or holds them. Other writers' ids are passed over.
    public func release(_ objects: some Sequence<ObjectID>) {
        for object in objects where object.writer == writer {
            let place = state.withLock { $0.placed.removeValue(forKey: object.sequence) }
            if let place { release(segment: place.segment, offset: place.offset) }
        }
    }

    /// Sizes of all segments of this writer together.
    public var totalBytes: Int { state.withLock { $0.table.totalBytes } }

    private struct Reservation {
        let segment: UInt32
        let offset: Int
        let target: UnsafeMutableRawBufferPointer
    }

    private func nextID() -> ObjectID {
        state.withLock { state in
            state.lastSequence += 1
            return ObjectID(writer: writer, sequence: state.lastSequence)
        }
    }

    private func allocate(_ length: Int) throws(StoreError) -> Reservation {
        guard let wanted = RegionAllocator.aligned(length), wanted < Int.max / 4 else {
            throw .full("an object of \(length) bytes is larger than any store")
        }
        let result: Result<Reservation, StoreError> = state.withLock { state in
            do throws(StoreError) {
                while true {
                    var place = state.table.place(wanted)
                    if case .nothing(let segment) = place {
                        try add(segment, to: &state)
                        place = state.table.place(wanted)
                    }
                    guard case .region(let number, let offset) = place, let file = state.files[number] else {
                        throw .unusable(path: directory, reason: "a new segment does not hold \(ByteCount(wanted))")
                    }
                    guard file.isIntact else {
                        // Its objects are lost to whoever has not opened them; nothing further goes there.
                        state.table.forget(number)
                        if let file = state.files.removeValue(forKey: number) { state.broken.append(file) }
                        continue
                    }
                    let target = UnsafeMutableRawBufferPointer(start: file.mapping.address + offset, count: length)
                    return .success(Reservation(segment: number, offset: offset, target: target))
                }
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Creates what is wanted; where there is no room, makes some and tries once more, then with the least that serves.
    private func add(_ wanted: SegmentTable.NewSegment, to state: inout State) throws(StoreError) {
        do throws(StoreError) {
            return try add(wanted, size: wanted.size, to: &state)
        } catch {
            guard case .full = error else { throw error }
            makeRoom(&state)
        }
        do throws(StoreError) {
            return try add(wanted, size: wanted.size, to: &state)
        } catch {
            guard case .full = error, wanted.least < wanted.size else { throw error }
        }
        try add(wanted, size: wanted.least, to: &state)
    }

    private func add(_ wanted: SegmentTable.NewSegment, size: Int, to state: inout State) throws(StoreError) {
        let number = state.table.nextNumber()
        let name = SegmentName(writer: writer, number: number)
        state.files[number] = try SegmentFile(name, size: size, in: directory, budget: budget)
        state.table.add(number, size: size, isArena: wanted.isArena)
    }

    /// Frees what this writer can before an allocation is tried again. Spilling cold objects belongs here.
    private func makeRoom(_ state: inout State) {
        for number in state.table.removeIdle(keeping: 0) { state.files.removeValue(forKey: number)?.remove() }
    }

    private func release(segment: UInt32, offset: Int) {
        state.withLock { state in
            guard state.table.release(segment: segment, offset: offset) else { return }
            let writers = StoreDirectory.lockedWriterCount(in: directory)
            for number in state.table.removeIdle(writers: writers) {
                state.files.removeValue(forKey: number)?.remove()
            }
        }
    }
}
