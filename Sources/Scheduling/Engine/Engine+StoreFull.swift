import AnabranchCore
import PipelineGraph

extension Engine {
    /// Who holds most, for the message of a task that found the store full: its run, and the run's biggest nodes.
    mutating func storeFullHint(_ task: TaskID) -> String {
        let total = "; \(ByteCount(catalog.totalBytes)) of \(ByteCount(configuration.storeBudget)) are in use"
        let advice = "; give the store a larger budget, close runs that you no longer need, or keep fewer outputs"
        guard let origin = tasks[task] else { return total + advice }
        if let known = holderHints[origin.run] { return known }
        guard let record = runs[origin.run] else { return "\(total), session \(origin.run) asked\(advice)" }
        let holders = record.bytesByNode.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(3)
        let named = holders.map { "\($0.key) \(ByteCount($0.value))" }.joined(separator: ", ")
        let name = record.request.name.isEmpty ? record.request.graph.name : record.request.name
        let hint = "\(total); run \(origin.run) (\(name)) holds \(named.isEmpty ? "nothing" : named)\(advice)"
        holderHints[origin.run] = hint
        return hint
    }
}

extension RunRecord {
    /// Bytes that the run needs in the store, each object once, by the node that made them.
    fileprivate var bytesByNode: [String: UInt64] {
        var seen: Set<ObjectID> = []
        var bytes: [String: UInt64] = [:]
        func add(_ reference: ObjectRef, _ node: String) {
            guard !reference.isInline, seen.insert(reference.id).inserted else { return }
            bytes[node, default: 0] += reference.length
        }
        let sources = values.sorted { $0.key < $1.key }
        for (_, value) in sources { value.forEachReference { add($0, name(of: value.node)) } }
        for update in history {
            update.forEachReference { add($0, update.node.map(request.name(of:)) ?? "the run's splitter") }
        }
        return bytes
    }
}
