import AnabranchCore
import PipelineGraph

/// What an entry's ports offer, as long as a firing may still read them.
struct EntryValue: Hashable, Sendable {
    /// The plan node whose relation the entry belongs to.
    let node: PlanNodeIndex
    var data: Data?
    var test: Data?
    var model: ObjectRef?

    init(node: PlanNodeIndex) { self.node = node }

    func data(at port: Port) -> Data? {
        switch port {
        case .data: data
        case .test: test
        case .model: nil
        }
    }

    var isEmpty: Bool { data == nil && test == nil && model == nil }

    /// Takes away what `port` offers.
    mutating func remove(_ port: Port) -> EntryValue {
        var taken = EntryValue(node: node)
        switch port {
        case .data: swap(&taken.data, &data)
        case .test: swap(&taken.test, &test)
        case .model: swap(&taken.model, &model)
        }
        return taken
    }

    /// This with what `newer` offers at the same ports.
    func updated(by newer: EntryValue?) -> EntryValue {
        guard let newer else { return self }
        var updated = self
        if data != nil { updated.data = newer.data ?? data }
        if test != nil { updated.test = newer.test ?? test }
        if model != nil { updated.model = newer.model ?? model }
        return updated
    }

    func names(_ id: ObjectID) -> Bool {
        var found = false
        forEachReference { found = found || $0.id == id }
        return found
    }

    func forEachReference(_ body: (ObjectRef) -> Void) {
        data?.forEachReference(body)
        test?.forEachReference(body)
        if let model { body(model) }
    }
}
