import AnabranchCore

/// A runtime has started and read its setup.
public struct RuntimeHello: Hashable, Sendable {
    public var versions: Versions
    public var processID: UInt32

    public init(versions: Versions, processID: UInt32) {
        self.versions = versions
        self.processID = processID
    }
}
