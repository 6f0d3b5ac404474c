import AnabranchCore

/// Input or parameters that a native function cannot work with. Fails the task as invalid.
public struct NativeFunctionError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    /// - Parameter description: what is wrong and how to mend it, with the node's name.
    public init(_ description: String) { self.description = description }
}
