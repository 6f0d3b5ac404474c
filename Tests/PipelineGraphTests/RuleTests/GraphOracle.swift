import AnabranchCore

@testable import PipelineGraph

/// What the semantics say of a graph's relations: whole lists and nested loops, written from the rules, without plans.
///
/// Nodes must stand in topological order. A graph whose relations are not defined, or too large to be worth the time, is
/// `Unsuitable`.
struct GraphOracle {
    struct Unsuitable: Error {}

    struct Relations {
        /// What each node reads: keys before its own variants and models.
        var read: [[Key]] = []
        var models: [[Key]] = []
        var outputs: [[Key]] = []
    }

    var graph: Graph
    /// What every splitter answers.
    let labels: [Label]
    var candidates: [Key]?
    private let most = 400

    func fit(_ starts: [Key]) throws -> Relations {
        var made = Relations()
        for (place, node) in graph.nodes.enumerated() {
            let read = try read(place, starts, made.outputs)
            var models: [Key] = []
            if node.role.isFitted {
                let list = node.fit == .each ? read : try grouped(read, over: positions(read))
                models = try varied(list, node)
            }
            made.models.append(models)
            made.outputs.append(try split(try varied(read, node), node))
            made.read.append(read)
        }
        return made
    }

    func apply(_ starts: [Key], models: [[Key]]) throws -> Relations {
        var made = Relations()
        for (place, node) in graph.nodes.enumerated() {
            let read = try read(place, starts, made.outputs)
            let outputs = node.role.isFitted ? try joined([read, models[place]]) : try varied(read, node)
            made.models.append(models[place])
            made.outputs.append(try split(outputs, node))
            made.read.append(read)
        }
        return made
    }

    private func read(_ place: Int, _ starts: [Key], _ outputs: [[Key]]) throws -> [Key] {
        let node = graph.nodes[place]
        let sources = graph.edges.filter { $0.target.position == place }.map(\.source.position)
        if sources.isEmpty { return starts }
        if node.kind == .or {
            if sources.count == 1 { return outputs[sources[0]] }
            let via = Dimension.via(sources.map { graph.nodes[$0].name })
            return try checked(
                sources.flatMap { source in
                    outputs[source].map { $0.setting(via, to: .text(graph.nodes[source].name)) }
                })
        }
        let together = try joined(sources.map { outputs[$0] })
        if node.over.isEmpty { return together }
        return try grouped(
            together, over: Set(together.flatMap(\.dimensions).filter { node.over.contains($0.fullName) }))
    }

    private func varied(_ keys: [Key], _ node: Node) throws -> [Key] {
        if node.variantCount == 0 { return keys }
        return try checked(
            keys.flatMap { key in
                (0..<node.variantCount).map { key.setting(.variant(node.name), to: .integer(Int64($0))) }
            })
    }

    private func split(_ keys: [Key], _ node: Node) throws -> [Key] {
        guard node.role == .splitter else { return keys }
        return try checked(keys.flatMap { key in labels.map { key.setting(.data(node.splits), to: $0) } })
    }

    private func joined(_ relations: [[Key]]) throws -> [Key] {
        var made = relations[0]
        for relation in relations.dropFirst() {
            var next: [Key] = []
            for left in made {
                let partners = relation.compactMap { left.merged(with: $0) }
                if partners.isEmpty, candidates == nil { throw Unsuitable() }
                next.append(contentsOf: partners)
            }
            for right in relation where candidates == nil && !made.contains(where: { $0.agrees(with: right) }) {
                throw Unsuitable()
            }
            made = try checked(next)
        }
        return made
    }

    private func grouped(_ keys: [Key], over: Set<Dimension>) throws -> [Key] {
        if keys.contains(where: { key in !over.allSatisfy { key[$0] != nil } }) { throw Unsuitable() }
        return Set(keys.map { $0.removing(where: over.contains) }).sorted()
    }

    private func positions(_ keys: [Key]) -> Set<Dimension> {
        Set(keys.flatMap(\.dimensions).filter { $0.kind == .data && $0.positional })
    }

    private func checked(_ keys: [Key]) throws -> [Key] {
        if keys.count > most || Set(keys).count < keys.count { throw Unsuitable() }
        guard let candidates else { return keys }
        return keys.filter { key in candidates.contains { $0.agrees(with: key) } }
    }
}
