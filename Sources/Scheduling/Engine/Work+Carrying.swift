import AnabranchCore

extension Work {
    /// The same work with `replace` of each object that a worker reads for it.
    public func replacingReferences(_ replace: (ObjectRef) -> ObjectRef) -> Work {
        switch self {
        case .fit(var work):
            work.estimator = replace(work.estimator)
            work.variant = work.variant?.replacingReferences(replace)
            work.train = work.train.replacingReferences(replace)
            return .fit(work)
        case .apply(var work):
            work.model = replace(work.model)
            work.input = work.input.replacingReferences(replace)
            work.scorers = work.scorers.map(replace)
            return .apply(work)
        case .combine(var work):
            work.function = work.function.map(replace)
            work.variant = work.variant?.replacingReferences(replace)
            work.input = work.input.replacingReferences(replace)
            work.scorers = work.scorers.map(replace)
            return .combine(work)
        case .split(var work):
            work.splitter = work.splitter.map(replace)
            work.input = work.input.replacingReferences(replace)
            return .split(work)
        case .call(var work):
            work.function = replace(work.function)
            work.arguments = replace(work.arguments)
            work.dependencies = work.dependencies.map(replace)
            return .call(work)
        case .native(var work):
            work.input = work.input?.replacingReferences(replace)
            work.arguments = work.arguments.map(replace)
            return .native(work)
        }
    }
}

extension Variant {
    fileprivate func replacingReferences(_ replace: (ObjectRef) -> ObjectRef) -> Variant {
        var replaced = self
        replaced.list = replace(list)
        return replaced
    }
}

extension Input {
    fileprivate func replacingReferences(_ replace: (ObjectRef) -> ObjectRef) -> Input {
        var replaced = self
        replaced.items = items.map { $0.map { $0.replacingReferences(replace) } }
        return replaced
    }
}

extension Data {
    fileprivate func replacingReferences(_ replace: (ObjectRef) -> ObjectRef) -> Data {
        func seen(_ view: View) -> View { View(object: replace(view.object), rows: view.rows.map(replace)) }
        return Data(
            x: seen(x), y: y.map(seen), sampleWeight: sampleWeight.map(seen), groups: groups.map(seen),
            rowIDs: rowIDs.map(seen), positions: positions.map(replace))
    }
}
