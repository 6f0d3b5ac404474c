import Glibc

/// A file mapped into this process, unmapped when the last reference to this goes.
///
/// `@unchecked Sendable`: the address never changes. Readers map read-only; of a writable mapping the segment table
/// gives each region to one caller at a time.
final class Mapping: @unchecked Sendable {
    let address: UnsafeMutableRawPointer
    let length: Int

    enum Access { case read, write }

    /// Maps the first `length` bytes, which exist. Faulting pages in while they are filled costs less than doing it before.
    init(_ file: borrowing FileDescriptor, length: Int, _ access: Access) throws(SystemError) {
        let protection = access == .read ? PROT_READ : PROT_READ | PROT_WRITE
        guard let address = mmap(nil, length, protection, MAP_SHARED, file.raw, 0), address != MAP_FAILED else {
            throw .current
        }
        self.address = address
        self.length = length
    }

    deinit { munmap(address, length) }

    /// Gives a writable mapping's pages back to the file system, though readers keep the file mapped.
    func discardPages() { madvise(address, length, MADV_REMOVE) }
}
