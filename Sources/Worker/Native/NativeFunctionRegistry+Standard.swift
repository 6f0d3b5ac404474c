import AnabranchCore

extension NativeFunctionRegistry {
    /// What every worker has.
    public static var standard: NativeFunctionRegistry {
        var registry = NativeFunctionRegistry()
        registry.register("noop") { _ in Success() }
        return registry
    }
}
