import AnabranchCore

/// How a graph node reads the edges that reach it, in one phase.
struct Reading: Hashable, Sendable {
    var edges: [PlanEdge]
    var rule: FiringRule
    var form: InputForm
    var via: Dimension?
    var viaLabels: [Label] = []

    /// One entry at a time.
    static func single(_ edge: PlanEdge) -> Reading {
        Reading(edges: [edge], rule: .union, form: .single)
    }

    /// Alternatives, told apart by the names of their sources.
    static func alternatives(_ edges: [PlanEdge], sources: [String]) -> Reading {
        guard edges.count > 1 else { return Reading(edges: edges, rule: .union, form: .single) }
        return Reading(
            edges: edges, rule: .union, form: .single, via: .via(sources), viaLabels: sources.map(Label.text))
    }

    /// One entry from each edge, in a list. Without `sources` the edges of a product go by their plan nodes' names.
    static func together(_ edges: [PlanEdge], product: Bool, sources: [String] = []) -> Reading {
        Reading(
            edges: edges, rule: edges.count > 1 ? .join(product: product) : .union, form: .edges,
            viaLabels: product ? sources.map(Label.text) : [])
    }

    /// The same, as lists over `dimensions`; a list of one where there are none.
    func gathered(over dimensions: Set<Dimension>, missing: MissingPolicy) -> Reading {
        var made = self
        made.form = form == .edges && edges.count > 1 ? .listOfEdges : .list
        if dimensions.isEmpty { return made }
        let product =
            switch rule {
            case .join(let product), .gather(_, let product, _): product
            case .source, .union: false
            }
        made.rule = .gather(over: dimensions, product: product, missing: missing)
        return made
    }
}
