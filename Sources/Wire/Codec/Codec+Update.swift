import AnabranchCore
import CMessages
import PipelineGraph

extension NodeIndex {
    /// How the run's own splitter, which is no node of the graph, is written.
    fileprivate static let ofRun: UInt32 = .max

    fileprivate static func decode(_ raw: UInt32) -> NodeIndex? { raw == ofRun ? nil : NodeIndex(raw) }
}

extension EntryUpdate: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__EntryUpdate>) {
        anabranch__v1__entry_update__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__EntryUpdate>) throws(WireError) {
        self.init(
            entry: try Field.identifier(message.pointee.entry, "EntryUpdate.entry"),
            node: .decode(message.pointee.node),
            phase: try Field.known(message.pointee.phase.rawValue, "EntryUpdate.phase"),
            key: try .decode(message.pointee.key),
            state: try Field.known(message.pointee.state.rawValue, "EntryUpdate.state"),
            model: try Field.message(message.pointee.model),
            output: try Field.message(message.pointee.output),
            scores: try Field.messages(message.pointee.n_scores, message.pointee.scores, "EntryUpdate.scores"),
            failure: try Field.message(message.pointee.failure),
            usage: try .decode(message.pointee.usage),
            inputs: try Field.identifiers(message.pointee.n_inputs, message.pointee.inputs, "EntryUpdate.inputs"),
            modelEntry: Field.optionalIdentifier(message.pointee.model_entry),
            attempts: message.pointee.attempts,
            worker: Field.optionalIdentifier(message.pointee.worker),
            warnings: try Field.texts(message.pointee.n_warnings, message.pointee.warnings, "EntryUpdate.warnings"),
            isInternal: message.pointee.internal != 0,
            earlier: try Field.messages(message.pointee.n_earlier, message.pointee.earlier, "EntryUpdate.earlier"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__EntryUpdate>, _ arena: borrowing Arena) {
        message.pointee.entry = entry.rawValue
        message.pointee.node = node?.rawValue ?? NodeIndex.ofRun
        message.pointee.phase = Anabranch__V1__Phase(UInt32(phase.rawValue))
        message.pointee.key = key.encode(arena)
        message.pointee.state = Anabranch__V1__EntryState(UInt32(state.rawValue))
        message.pointee.model = arena.message(model)
        message.pointee.output = arena.message(output)
        (message.pointee.n_scores, message.pointee.scores) = arena.list(scores)
        message.pointee.failure = arena.message(failure)
        message.pointee.usage = usage.encode(arena)
        (message.pointee.n_inputs, message.pointee.inputs) = arena.list(inputs.map(\.rawValue))
        message.pointee.model_entry = modelEntry?.rawValue ?? 0
        message.pointee.attempts = attempts
        message.pointee.worker = worker?.rawValue ?? 0
        (message.pointee.n_warnings, message.pointee.warnings) = arena.list(warnings)
        message.pointee.internal = isInternal ? 1 : 0
        (message.pointee.n_earlier, message.pointee.earlier) = arena.list(earlier)
    }
}

extension NodeProgress: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__NodeProgress>) {
        anabranch__v1__node_progress__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__NodeProgress>) throws(WireError) {
        self.init(
            node: .decode(message.pointee.node), planned: message.pointee.planned,
            isOpen: message.pointee.open != 0, running: message.pointee.running,
            succeeded: message.pointee.succeeded, failed: message.pointee.failed, skipped: message.pointee.skipped)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__NodeProgress>, _ arena: borrowing Arena) {
        message.pointee.node = node?.rawValue ?? NodeIndex.ofRun
        message.pointee.planned = planned
        message.pointee.open = isOpen ? 1 : 0
        message.pointee.running = running
        message.pointee.succeeded = succeeded
        message.pointee.failed = failed
        message.pointee.skipped = skipped
    }
}

extension RunUpdate: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__RunUpdate>) {
        anabranch__v1__run_update__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__RunUpdate>) throws(WireError) {
        self.init(
            run: try Field.identifier(message.pointee.run, "RunUpdate.run"),
            entries: try Field.messages(message.pointee.n_entries, message.pointee.entries, "RunUpdate.entries"),
            state: try Field.known(message.pointee.state.rawValue, "RunUpdate.state"),
            progress: try Field.messages(message.pointee.n_progress, message.pointee.progress, "RunUpdate.progress"),
            message: try Field.text(message.pointee.message, "RunUpdate.message"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__RunUpdate>, _ arena: borrowing Arena) {
        message.pointee.run = run.rawValue
        (message.pointee.n_entries, message.pointee.entries) = arena.list(entries)
        message.pointee.state = Anabranch__V1__RunState(UInt32(state.rawValue))
        (message.pointee.n_progress, message.pointee.progress) = arena.list(progress)
        arena.set(&message.pointee.message, self.message)
    }
}
