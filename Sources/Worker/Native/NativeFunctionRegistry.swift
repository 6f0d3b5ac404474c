import AnabranchCore

/// A function that a worker runs without Python. Runs on a slot's thread; throws for a failure of its task alone.
public typealias NativeFunction = @Sendable (NativeCall) throws -> Success

/// The native functions of a worker program, by name.
///
/// A program with functions of its own registers them and gives the registry to its `WorkerConfiguration`.
public struct NativeFunctionRegistry: Sendable {
    private var functions: [String: NativeFunction] = [:]

    public init() {}

    /// Registers `body`, replacing what had the name.
    public mutating func register(_ name: String, _ body: @escaping NativeFunction) { functions[name] = body }

    public func function(named name: String) -> NativeFunction? { functions[name] }

    public var names: [String] { functions.keys.sorted() }
}
