import AnabranchCore
import CMessages
import PipelineGraph

extension Node: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Node>) { anabranch__v1__node__init(message) }

    init(_ message: UnsafePointer<Anabranch__V1__Node>) throws(WireError) {
        self.init(
            name: try Field.text(message.pointee.name, "Node.name"),
            kind: try Field.known(message.pointee.kind.rawValue, "Node.kind"),
            role: try Field.known(message.pointee.role.rawValue, "Node.role"),
            payload: try Field.message(message.pointee.payload),
            nativeFunction: try Field.text(message.pointee.native_function, "Node.native_function"),
            nativeParameters: Field.bytes(message.pointee.native_parameters),
            variantCount: message.pointee.variant_count,
            variants: try Field.message(message.pointee.variants),
            outputMethod: try Field.text(message.pointee.output_method, "Node.output_method"),
            fit: try Field.known(message.pointee.fit.rawValue, "Node.fit"),
            outOfFoldSplitter: try Field.message(message.pointee.oof_splitter),
            inSample: message.pointee.in_sample != 0,
            over: try Field.texts(message.pointee.n_over, message.pointee.over, "Node.over"),
            join: try Field.known(message.pointee.join.rawValue, "Node.join"),
            missing: try Field.known(message.pointee.missing.rawValue, "Node.missing"),
            splits: try Field.text(message.pointee.splits, "Node.splits"),
            needsY: message.pointee.needs_y != 0,
            emitsPredictions: message.pointee.emits_predictions != 0,
            limits: try .decode(message.pointee.limits),
            retries: message.pointee.retries,
            executor: try Field.text(message.pointee.executor, "Node.executor"),
            keepOutput: message.pointee.keep_output != 0)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Node>, _ arena: borrowing Arena) {
        arena.set(&message.pointee.name, name)
        message.pointee.kind = Anabranch__V1__NodeKind(UInt32(kind.rawValue))
        message.pointee.role = Anabranch__V1__NodeRole(UInt32(role.rawValue))
        message.pointee.payload = arena.message(payload)
        arena.set(&message.pointee.native_function, nativeFunction)
        message.pointee.native_parameters = arena.binary(nativeParameters)
        message.pointee.variant_count = variantCount
        message.pointee.variants = arena.message(variants)
        arena.set(&message.pointee.output_method, outputMethod)
        message.pointee.fit = Anabranch__V1__FitPolicy(UInt32(fit.rawValue))
        message.pointee.oof_splitter = arena.message(outOfFoldSplitter)
        message.pointee.in_sample = inSample ? 1 : 0
        (message.pointee.n_over, message.pointee.over) = arena.list(over)
        message.pointee.join = Anabranch__V1__JoinPolicy(UInt32(join.rawValue))
        message.pointee.missing = Anabranch__V1__MissingPolicy(UInt32(missing.rawValue))
        arena.set(&message.pointee.splits, splits)
        message.pointee.needs_y = needsY ? 1 : 0
        message.pointee.emits_predictions = emitsPredictions ? 1 : 0
        message.pointee.limits = limits.encode(arena)
        message.pointee.retries = retries
        arena.set(&message.pointee.executor, executor)
        message.pointee.keep_output = keepOutput ? 1 : 0
    }
}

extension Edge: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Edge>) { anabranch__v1__edge__init(message) }

    init(_ message: UnsafePointer<Anabranch__V1__Edge>) throws(WireError) {
        self.init(source: NodeIndex(message.pointee.source), target: NodeIndex(message.pointee.target))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Edge>, _ arena: borrowing Arena) {
        message.pointee.source = source.rawValue
        message.pointee.target = target.rawValue
    }
}

extension Graph: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Graph>) {
        anabranch__v1__graph__init(message)
    }

    /// Indices are in range; whether the graph makes sense is for its validation to say.
    init(_ message: UnsafePointer<Anabranch__V1__Graph>) throws(WireError) {
        self.init(
            name: try Field.text(message.pointee.name, "Graph.name"),
            nodes: try Field.messages(message.pointee.n_nodes, message.pointee.nodes, "Graph.nodes"),
            edges: try Field.messages(message.pointee.n_edges, message.pointee.edges, "Graph.edges"))
        for edge in edges {
            try check(edge.source, "Edge.source")
            try check(edge.target, "Edge.target")
        }
    }

    func check(_ index: NodeIndex, _ field: StaticString) throws(WireError) {
        if index.rawValue >= UInt32(clamping: nodes.count) {
            throw Field.invalid(field, "is \(index), the graph has \(nodes.count) nodes")
        }
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Graph>, _ arena: borrowing Arena) {
        arena.set(&message.pointee.name, name)
        (message.pointee.n_nodes, message.pointee.nodes) = arena.list(nodes)
        (message.pointee.n_edges, message.pointee.edges) = arena.list(edges)
    }
}
