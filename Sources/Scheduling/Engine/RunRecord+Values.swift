import AnabranchCore
import PipelineGraph

extension RunRecord {
    /// Keeps of an entry what some edge reads, and how that was made.
    mutating func offer(
        _ entry: EntryID, of node: PlanNodeIndex, data: Data?, test: Data? = nil, model: ObjectRef? = nil,
        origin: Origin? = nil, _ catalog: inout ObjectCatalog
    ) {
        var value = EntryValue(node: node)
        if shape.reads(.data, of: node) { value.data = data }
        if shape.reads(.test, of: node) { value.test = test }
        if shape.reads(.model, of: node) { value.model = model }
        guard !value.isEmpty else { return }
        value.forEachReference { catalog.use($0) }
        values[entry] = value
        recovery.origins[entry] = origin
    }

    /// No firing will read this port again.
    mutating func withdraw(_ port: Port, of entry: EntryID, _ catalog: inout ObjectCatalog) {
        guard let taken = values[entry]?.remove(port) else { return }
        taken.forEachReference { catalog.endUse($0) }
        guard values[entry]?.isEmpty == true else { return }
        values[entry] = nil
        recovery.origins[entry] = nil
    }

    /// The run has ended: nothing more will be read.
    mutating func withdrawAll(_ catalog: inout ObjectCatalog) {
        abandonRecovery(&catalog)
        for value in values.values { value.forEachReference { catalog.endUse($0) } }
        values = [:]
        answers = [:]
    }

    /// A finished entry becomes a result of the run.
    mutating func record(_ update: EntryUpdate, _ catalog: inout ObjectCatalog) {
        update.forEachReference { catalog.use($0) }
        if update.state == .failed || update.state == .cancelled { causes[update.entry] = history.count }
        if update.state != .succeeded { failures += 1 }
        history.append(RecordedEntry(update))
    }

    /// The run is closed: its results are no longer wanted.
    mutating func discardResults(_ catalog: inout ObjectCatalog) {
        for update in history { update.forEachReference { catalog.endUse($0) } }
        history = []
        for payload in payloads { catalog.endUse(payload) }
        payloads = []
        causes = [:]
    }
}

extension EntryUpdate {
    /// Every object that this names, one at a time: each is a holding of the client that receives it.
    public func forEachReference(_ body: (ObjectRef) -> Void) {
        if let model { body(model) }
        output?.forEachReference(body)
        if let exception = failure?.exception { body(exception) }
    }
}
