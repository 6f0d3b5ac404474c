import AnabranchCore

public struct ClientHello: Hashable, Sendable {
    public var versions: Versions
    /// Nil: it writes no objects.
    public var writer: WriterID?
    /// Shown by `anabranch status`.
    public var name: String

    public init(versions: Versions, writer: WriterID? = nil, name: String = "") {
        self.versions = versions
        self.writer = writer
        self.name = name
    }
}
