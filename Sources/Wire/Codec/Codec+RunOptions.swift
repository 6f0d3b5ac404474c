import AnabranchCore
import CMessages
import PipelineGraph

/// One allowed combination of variants.
private struct Candidate: MappedValue {
    let key: Key

    init(key: Key) { self.key = key }

    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Candidate>) {
        anabranch__v1__candidate__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__Candidate>) throws(WireError) {
        let parts: [Key.Part] = try Field.messages(message.pointee.n_parts, message.pointee.parts, "Candidate.parts")
        guard let key = Key(parts) else { throw Field.invalid("Candidate.parts", "name a dimension twice") }
        self.key = key
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Candidate>, _ arena: borrowing Arena) {
        (message.pointee.n_parts, message.pointee.parts) = arena.list(key.parts)
    }
}

extension RunOptions: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__RunOptions>) {
        anabranch__v1__run_options__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__RunOptions>) throws(WireError) {
        let candidates: [Candidate] = try Field.messages(
            message.pointee.n_candidates, message.pointee.candidates, "RunOptions.candidates")
        self.init(
            mode: try Field.known(message.pointee.mode.rawValue, "RunOptions.mode"),
            onError: try Field.known(message.pointee.on_error.rawValue, "RunOptions.on_error"),
            splitter: try Field.message(message.pointee.splitter),
            scorers: try Field.message(message.pointee.scorers),
            returnTrainScore: message.pointee.return_train_score != 0,
            keepModels: message.pointee.keep_models != 0,
            seed: message.pointee.has_seed != 0 ? message.pointee.seed : nil,
            candidates: candidates.isEmpty ? nil : candidates.map(\.key),
            maxAttempts: message.pointee.max_attempts == 0 ? nil : message.pointee.max_attempts,
            keepOutputs: message.pointee.keep_outputs != 0)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__RunOptions>, _ arena: borrowing Arena) {
        message.pointee.mode = Anabranch__V1__Mode(UInt32(mode.rawValue))
        message.pointee.on_error = Anabranch__V1__OnError(UInt32(onError.rawValue))
        message.pointee.splitter = arena.message(splitter)
        message.pointee.scorers = arena.message(scorers)
        message.pointee.return_train_score = returnTrainScore ? 1 : 0
        message.pointee.keep_models = keepModels ? 1 : 0
        message.pointee.has_seed = seed == nil ? 0 : 1
        message.pointee.seed = seed ?? 0
        (message.pointee.n_candidates, message.pointee.candidates) = arena.list(
            (candidates ?? []).map { Candidate(key: $0) })
        message.pointee.max_attempts = maxAttempts ?? 0
        message.pointee.keep_outputs = keepOutputs ? 1 : 0
    }
}
