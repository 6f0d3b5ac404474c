import AnabranchCore

extension NativeFunctionRegistry {
    /// What every worker has.
    public static let standard: NativeFunctionRegistry = {
        var registry = NativeFunctionRegistry()
        registry.register("noop") { _ in Success() }
        registry.register("identity") { call in call.success(try call.onlyInput()) }
        registry.register("rows.concatenate", RowConcatenation.run)
        registry.register("columns.concatenate", ColumnConcatenation.run)
        registry.register("mean", Mean.run)
        registry.register("vote", Vote.run)
        registry.register("partition", Partition.run)
        registry.register("folds", Folds.run)
        return registry
    }()
}
