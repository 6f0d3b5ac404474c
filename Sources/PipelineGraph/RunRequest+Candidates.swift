import AnabranchCore

extension RunRequest {
    /// The variants of functions for which there are models, or nil when models say nothing of them.
    ///
    /// A function has no models, so in a later mode it would run with every variant, and what reads it would fail for want
    /// of a model where the fit had candidates. What is known is what the models furthest down were fitted on; where these
    /// know of different functions, only the user can say which combinations are meant.
    var candidatesOfModels: [Key]? {
        let stateless = Set(graph.nodes.filter { !$0.role.isFitted }.compactMap(\.variantDimension))
        if stateless.isEmpty { return nil }
        var seen: [Set<Dimension>: Set<Key>] = [:]
        for entry in models.values.joined() {
            let key = entry.key.projected(where: stateless.contains)
            if !key.isEmpty { seen[Set(key.dimensions), default: []].insert(key) }
        }
        let furthest = seen.keys.filter { dimensions in !seen.keys.contains { $0.isStrictSuperset(of: dimensions) } }
        guard furthest.count == 1 else { return nil }
        return seen[furthest[0]]?.sorted()
    }
}
