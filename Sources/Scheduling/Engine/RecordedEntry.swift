import AnabranchCore
import PipelineGraph

/// A finished entry as a run keeps it. Most entries have neither an output nor a failure nor a second attempt, which
/// are large: those stand apart, so that a run of many keys stays small.
struct RecordedEntry: Sendable {
    private final class Rest: Sendable {
        let output: Data?
        let failure: Failure?
        let earlier: [EarlierAttempt]

        init?(_ update: EntryUpdate) {
            if update.output == nil && update.failure == nil && update.earlier.isEmpty { return nil }
            output = update.output
            failure = update.failure
            earlier = update.earlier
        }
    }

    let entry: EntryID
    let node: NodeIndex?
    let phase: Phase
    let state: EntryState
    private let isInternal: Bool
    private let attempts: UInt32
    private let key: Key
    private let model: ObjectRef?
    private let scores: [Score]
    private let usage: Usage
    private let inputs: [EntryID]
    private let modelEntry: EntryID?
    private let worker: WorkerID?
    private let warnings: [String]
    private let rest: Rest?

    init(_ update: EntryUpdate) {
        entry = update.entry
        node = update.node
        phase = update.phase
        state = update.state
        isInternal = update.isInternal
        attempts = update.attempts
        key = update.key
        model = update.model
        scores = update.scores
        usage = update.usage
        inputs = update.inputs
        modelEntry = update.modelEntry
        worker = update.worker
        warnings = update.warnings
        rest = Rest(update)
    }

    var failure: Failure? { rest?.failure }

    /// The entry as it is told.
    var update: EntryUpdate {
        EntryUpdate(
            entry: entry, node: node, phase: phase, key: key, state: state, model: model, output: rest?.output,
            scores: scores, failure: rest?.failure, usage: usage, inputs: inputs, modelEntry: modelEntry,
            attempts: attempts, worker: worker, warnings: warnings, isInternal: isInternal,
            earlier: rest?.earlier ?? [])
    }

    /// Every object that this names, one at a time.
    func forEachReference(_ body: (ObjectRef) -> Void) {
        if let model { body(model) }
        rest?.output?.forEachReference(body)
        if let exception = rest?.failure?.exception { body(exception) }
    }
}
