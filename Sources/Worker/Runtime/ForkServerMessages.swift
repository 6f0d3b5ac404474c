/// Worker to fork server, one JSON datagram; one of its fields is there.
struct ForkRequest: Encodable {
    /// Stands before the fork server's module search path.
    var path: [String]?
    /// A module, or the name of a group of them.
    var `import`: String?
    /// Make a runtime under this name of the descriptors that come along.
    var fork: String?
}

/// Fork server to worker, one JSON datagram; one of the first four fields is there.
struct ForkAnswer: Decodable {
    var imported: String?
    var forked: String?
    var refused: String?
    /// A child that will be no runtime; it ends by itself and is to be reaped.
    var retired: Int32?
    var pid: Int32?
    /// Why it was refused, or not imported.
    var problem: String?
    /// Names of threads that there should not be.
    var threads: [String]?
}
