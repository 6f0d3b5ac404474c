public enum ErrorCode: UInt8, Hashable, Sendable {
    case invalidGraph = 1
    case invalidRequest = 2
    case unknownRun = 3
    case unknownWorker = 4
    case versionMismatch = 5
    case storeMismatch = 6
    case shuttingDown = 7
    case notWelcomed = 8
}

/// Why a request was refused.
public struct ControlError: Error, Hashable, Sendable {
    public var code: ErrorCode
    /// Names the node, key, file or flag, and what to do.
    public var message: String
    public var node: String

    public init(code: ErrorCode, message: String, node: String = "") {
        self.code = code
        self.message = message
        self.node = node
    }
}
