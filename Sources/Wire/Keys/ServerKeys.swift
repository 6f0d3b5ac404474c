/// What a coordinator has to know its peers, and to be known by them.
public struct ServerKeys: Sendable {
    public let own: KeyPair
    public let allowed: AllowedKeys

    /// - Parameter allowedPath: The directory of public keys that are let in. Nil: `allowed` beside the own key.
    /// - Throws: `KeyFileError`, naming the file or directory.
    public init(ownPath: String, allowedPath: String?) throws(KeyFileError) {
        own = try KeyFile.readPair(ownPath)
        allowed = try AllowedKeys(directory: allowedPath ?? KeyDirectory.beside(ownPath, KeyDirectory.allowed))
    }

    public var role: CurveRole { .server(own) }
}
