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

    func forEachReference(_ body: (ObjectRef) -> Void) {
        data?.forEachReference(body)
        test?.forEachReference(body)
        if let model { body(model) }
    }
}
