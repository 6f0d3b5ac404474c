import AnabranchCore

/// How many bytes the segments of a store may have together.
public struct StoreBudget: Hashable, Sendable {
    /// Less than this is not worth starting with unless the user asks for it by name.
    public static let leastByDefault: UInt64 = 128 << 20

    public let bytes: UInt64

    /// - Parameters:
    ///   - requested: what the user asked for; nil: 80 % of what is free.
    ///   - capacity: of the file system that `directory` is on.
    /// - Throws: `unusable` when the file system is smaller than what was asked for, or too small to begin with: a
    ///   container has 64 MB in /dev/shm unless told otherwise.
    public init(requested: UInt64?, capacity: FileSystemCapacity, directory: String) throws(StoreError) {
        let remedy = "make it larger (docker run --shm-size=2g, mount -o remount,size=), name another with --store-root"
        if let requested {
            guard requested <= capacity.totalBytes else {
                throw .unusable(
                    path: directory,
                    reason: "the budget of \(ByteCount(requested)) is more than the \(ByteCount(capacity.totalBytes)) "
                        + "of its file system; \(remedy), or lower --store-budget")
            }
            bytes = requested
            return
        }
        let share = capacity.availableBytes / 10 * 8
        guard share >= Self.leastByDefault else {
            let usual = capacity.totalBytes <= 64 << 20 ? ", as containers have by default" : ""
            throw .unusable(
                path: directory,
                reason: "its file system has \(ByteCount(capacity.totalBytes))\(usual), "
                    + "\(ByteCount(capacity.availableBytes)) of them free; \(remedy), or accept that with "
                    + "--store-budget \(share)")
        }
        bytes = share
    }
}
