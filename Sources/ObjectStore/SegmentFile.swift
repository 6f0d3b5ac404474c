import AnabranchCore
import Glibc

/// A segment of this process: its file, mapped for writing for as long as it is kept.
struct SegmentFile: Sendable {
    let path: String
    let mapping: Mapping

    /// Creates the file and reserves its bytes; nothing is left behind when there is no room.
    ///
    /// - Parameter budget: bytes that all segments of the store may have together; 0: no limit.
    init(_ name: SegmentName, size: Int, in directory: String, budget: UInt64) throws(StoreError) {
        path = "\(directory)/\(name)"
        let file = try Self.create(path, size: size, in: directory, budget: budget)
        do throws(SystemError) {
            try Self.reserve(file, size: size)
            mapping = try Mapping(file, length: size, .write)
        } catch {
            unlink(path)
            guard [ENOSPC, ENOMEM, EDQUOT].contains(error.code) else {
                throw .unusable(path: directory, reason: "\(ByteCount(size)) cannot be reserved: \(error)")
            }
            throw Self.noRoom(for: size, in: directory)
        }
    }

    /// Gives the memory back. Only for a segment without objects: nobody may read what stood here.
    func remove() {
        // Readers that keep the file mapped would keep its pages.
        mapping.discardPages()
        unlink(path)
    }

    /// Whether the file still stands as it was made: nobody reads what is written to one that was removed, and to write to
    /// one that was cut short is a SIGBUS.
    var isIntact: Bool {
        var facts = stat()
        return lstat(path, &facts) == 0 && facts.st_size >= mapping.length
    }

    private static func create(
        _ path: String, size: Int, in directory: String, budget: UInt64
    ) throws(StoreError) -> FileDescriptor {
        let excess: UInt64
        do throws(SystemError) {
            let lock = try FileLock("\(directory)/budget.lock", .block)
            defer { withExtendedLifetime(lock) {} }
            let used = budget > 0 ? StoreDirectory.segmentBytes(in: directory) : 0
            if budget == 0 || (used <= budget && UInt64(size) <= budget - used) {
                let file = try FileDescriptor(opening: path, O_RDWR | O_CREAT | O_EXCL)
                // Counted by the others from here on; the slow part, getting the pages, needs no lock.
                guard ftruncate(file.raw, size) == 0 else { throw .current }
                return file
            }
            excess = used
        } catch {
            throw .unusable(path: directory, reason: "a segment cannot be created: \(error)")
        }
        throw .full(
            "the object store is full: \(ByteCount(size)) more are wanted, \(ByteCount(excess)) of the budget of "
                + "\(ByteCount(budget)) are in use in \(directory); release results, or raise --store-budget "
                + "(ANABRANCH_STORE_BUDGET)")
    }

    private static func reserve(_ file: borrowing FileDescriptor, size: Int) throws(SystemError) {
        var code = posix_fallocate(file.raw, 0, size)
        while code == EINTR { code = posix_fallocate(file.raw, 0, size) }
        if code != 0 { throw SystemError(code: code) }
    }

    private static func noRoom(for size: Int, in directory: String) -> StoreError {
        var message = "the file system of the store \(directory) has no room for \(ByteCount(size))"
        if let capacity = FileSystemCapacity(of: directory) {
            message += ": \(ByteCount(capacity.availableBytes)) of \(ByteCount(capacity.totalBytes)) are free"
        }
        return .full(
            message + "; release results, or make it larger (docker run --shm-size, mount -o remount,size=)")
    }
}
