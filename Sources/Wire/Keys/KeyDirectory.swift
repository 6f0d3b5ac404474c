import Foundation

/// The directory that `anabranch keygen` makes: a key for the coordinator, and one for each kind of peer.
public struct KeyDirectory: Sendable {
    public static let coordinatorPublic = "coordinator.pub"
    /// Directory of the public keys that the coordinator lets in.
    public static let allowed = "allowed"

    public let path: String

    /// Makes the directory, mode 0700, where there is none.
    ///
    /// - Throws: `KeyFileError` when that is not possible.
    public init(making path: String) throws(KeyFileError) {
        self.path = path
        for directory in [path, "\(path)/\(Self.allowed)"] {
            do {
                try FileManager.default.createDirectory(
                    atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch {
                throw .unwritable(path: directory, reason: (error as NSError).localizedDescription)
            }
        }
    }

    /// Writes `coordinator.key` and `coordinator.pub`.
    ///
    /// - Returns: The files.
    /// - Throws: `KeyFileError` or `WireError`; a key that is there stays.
    public func addCoordinator() throws -> [String] {
        let pair = try KeyPair.generate()
        let paths = ["\(path)/coordinator.key", "\(path)/\(Self.coordinatorPublic)"]
        try KeyFile.write(pair, to: paths[0])
        try KeyFile.write(pair.publicKey, to: paths[1])
        return paths
    }

    /// Writes `NAME.key` and lets its public half in: `allowed/NAME.pub`.
    ///
    /// - Returns: The files.
    /// - Throws: `KeyFileError` or `WireError`; a key that is there stays.
    public func addPeer(_ name: String) throws -> [String] {
        let pair = try KeyPair.generate()
        let paths = ["\(path)/\(name).key", "\(path)/\(Self.allowed)/\(name).pub"]
        try KeyFile.write(pair, to: paths[0])
        try KeyFile.write(pair.publicKey, to: paths[1])
        return paths
    }

    static func beside(_ file: String, _ name: String) -> String {
        URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent(name).path
    }
}
