import AnabranchCore

/// What a Python runtime needs to know before its first task.
public struct RuntimeSetup: Hashable, Sendable {
    public var storePath: String
    public var writer: WriterID
    public var slot: UInt32
    /// Threads that its libraries may use.
    public var threads: UInt32
    /// Objects of at most this many bytes travel in messages.
    public var inlineThreshold: UInt64
    public var storeBudget: UInt64
    public var systemPath: [String]
    public var workingDirectory: String
    /// Ceiling of its data segment; nil means none.
    public var memoryBytes: UInt64?
    /// The coordinator's control socket, where its tasks submit what they submit themselves.
    public var address: String

    public init(
        storePath: String, writer: WriterID, slot: UInt32, threads: UInt32, inlineThreshold: UInt64,
        storeBudget: UInt64, systemPath: [String] = [], workingDirectory: String = "", memoryBytes: UInt64? = nil,
        address: String = ""
    ) {
        self.storePath = storePath
        self.writer = writer
        self.slot = slot
        self.threads = threads
        self.inlineThreshold = inlineThreshold
        self.storeBudget = storeBudget
        self.systemPath = systemPath
        self.workingDirectory = workingDirectory
        self.memoryBytes = memoryBytes
        self.address = address
    }
}
