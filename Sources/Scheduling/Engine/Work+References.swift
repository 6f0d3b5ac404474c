import AnabranchCore

extension Work {
    /// Every object that a worker reads for this, one at a time.
    func forEachReference(_ body: (ObjectRef) -> Void) {
        switch self {
        case .fit(let work):
            body(work.estimator)
            if let variant = work.variant { body(variant.list) }
            work.train.forEachReference(body)
        case .apply(let work):
            body(work.model)
            work.input.forEachReference(body)
            if let scorers = work.scorers { body(scorers) }
        case .combine(let work):
            if let function = work.function { body(function) }
            if let variant = work.variant { body(variant.list) }
            work.input.forEachReference(body)
            if let scorers = work.scorers { body(scorers) }
        case .split(let work):
            if let splitter = work.splitter { body(splitter) }
            work.input.forEachReference(body)
        case .call(let work):
            body(work.function)
            body(work.arguments)
            work.dependencies.forEach(body)
        case .native(let work):
            work.input?.forEachReference(body)
            work.arguments.forEach(body)
        }
    }
}

extension Input {
    func forEachReference(_ body: (ObjectRef) -> Void) {
        for item in items { for data in item { data.forEachReference(body) } }
    }
}
