/// What is wrong with bytes that should hold a tensor.
public struct TensorFormatError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
