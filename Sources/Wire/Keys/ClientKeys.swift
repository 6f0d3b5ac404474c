/// What a worker or a client has to be let in by a coordinator with keys.
public struct ClientKeys: Sendable {
    public let own: KeyPair
    public let server: PublicKey
    /// The files that they were read from, for messages and for the programs that this one starts.
    public let ownPath: String
    public let serverPath: String

    /// - Parameter serverPath: The file with the coordinator's public key. Nil: `coordinator.pub` beside the own key.
    /// - Throws: `KeyFileError`, naming the file.
    public init(ownPath: String, serverPath: String?) throws(KeyFileError) {
        self.ownPath = ownPath
        self.serverPath = serverPath ?? KeyDirectory.beside(ownPath, KeyDirectory.coordinatorPublic)
        own = try KeyFile.readPair(ownPath)
        server = try KeyFile.readPublic(self.serverPath)
    }

    public var role: CurveRole { .client(own, server: server) }
}
