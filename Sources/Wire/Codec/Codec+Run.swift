import AnabranchCore
import CMessages
import PipelineGraph

extension InputEntry: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__InputEntry>) {
        anabranch__v1__input_entry__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__InputEntry>) throws(WireError) {
        self.init(
            key: try .decode(message.pointee.key),
            data: try Field.requiredMessage(message.pointee.data, "InputEntry.data"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__InputEntry>, _ arena: borrowing Arena) {
        message.pointee.key = key.encode(arena)
        message.pointee.data = arena.message(data)
    }
}

extension ModelEntry: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__ModelEntry>) {
        anabranch__v1__model_entry__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__ModelEntry>) throws(WireError) {
        self.init(
            key: try .decode(message.pointee.key),
            model: try Field.requiredMessage(message.pointee.model, "ModelEntry.model"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__ModelEntry>, _ arena: borrowing Arena) {
        message.pointee.key = key.encode(arena)
        message.pointee.model = arena.message(model)
    }
}

/// The entries of one node, as they stand in a list that is a dictionary here.
private struct NodeInputs: MappedValue {
    let node: NodeIndex
    let entries: [InputEntry]

    init(node: NodeIndex, entries: [InputEntry]) {
        self.node = node
        self.entries = entries
    }

    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__NodeInputs>) {
        anabranch__v1__node_inputs__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__NodeInputs>) throws(WireError) {
        node = NodeIndex(message.pointee.node)
        entries = try Field.messages(message.pointee.n_entries, message.pointee.entries, "NodeInputs.entries")
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__NodeInputs>, _ arena: borrowing Arena) {
        message.pointee.node = node.rawValue
        (message.pointee.n_entries, message.pointee.entries) = arena.list(entries)
    }
}

private struct NodeModels: MappedValue {
    let node: NodeIndex
    let entries: [ModelEntry]

    init(node: NodeIndex, entries: [ModelEntry]) {
        self.node = node
        self.entries = entries
    }

    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__NodeModels>) {
        anabranch__v1__node_models__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__NodeModels>) throws(WireError) {
        node = NodeIndex(message.pointee.node)
        entries = try Field.messages(message.pointee.n_entries, message.pointee.entries, "NodeModels.entries")
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__NodeModels>, _ arena: borrowing Arena) {
        message.pointee.node = node.rawValue
        (message.pointee.n_entries, message.pointee.entries) = arena.list(entries)
    }
}

extension SubmitRun: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__SubmitRun>) {
        anabranch__v1__submit_run__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__SubmitRun>) throws(WireError) {
        let graph: Graph = try Field.requiredMessage(message.pointee.graph, "SubmitRun.graph")
        var request = RunRequest(
            graph: graph,
            options: try Field.requiredMessage(message.pointee.options, "SubmitRun.options"),
            inputs: [:],
            name: try Field.text(message.pointee.name, "SubmitRun.name"))
        let inputs: [NodeInputs] = try Field.messages(
            message.pointee.n_inputs, message.pointee.inputs, "SubmitRun.inputs")
        for input in inputs {
            try graph.check(input.node, "NodeInputs.node")
            if request.inputs.updateValue(input.entries, forKey: input.node) != nil {
                throw Field.invalid("SubmitRun.inputs", "name node \(input.node) twice")
            }
        }
        let models: [NodeModels] = try Field.messages(
            message.pointee.n_models, message.pointee.models, "SubmitRun.models")
        for model in models {
            try graph.check(model.node, "NodeModels.node")
            if request.models.updateValue(model.entries, forKey: model.node) != nil {
                throw Field.invalid("SubmitRun.models", "name node \(model.node) twice")
            }
        }
        self.init(request: request, detached: message.pointee.detached != 0)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__SubmitRun>, _ arena: borrowing Arena) {
        message.pointee.graph = arena.message(request.graph)
        message.pointee.options = arena.message(request.options)
        (message.pointee.n_inputs, message.pointee.inputs) = arena.list(
            request.inputs.sorted { $0.key < $1.key }.map { NodeInputs(node: $0.key, entries: $0.value) })
        (message.pointee.n_models, message.pointee.models) = arena.list(
            request.models.sorted { $0.key < $1.key }.map { NodeModels(node: $0.key, entries: $0.value) })
        arena.set(&message.pointee.name, request.name)
        message.pointee.detached = detached ? 1 : 0
    }
}
