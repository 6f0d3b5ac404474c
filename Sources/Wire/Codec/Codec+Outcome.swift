import AnabranchCore
import CMessages

extension Failure: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Failure>) {
        anabranch__v1__failure__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__Failure>) throws(WireError) {
        self.init(
            kind: try Field.known(message.pointee.kind.rawValue, "Failure.kind"),
            type: try Field.text(message.pointee.type, "Failure.type"),
            message: try Field.text(message.pointee.message, "Failure.message"),
            traceback: try Field.text(message.pointee.traceback, "Failure.traceback"),
            outputTail: try Field.text(message.pointee.output_tail, "Failure.output_tail"),
            exception: try Field.message(message.pointee.exception),
            host: try Field.text(message.pointee.host, "Failure.host"),
            slot: message.pointee.slot,
            peakMemoryBytes: message.pointee.peak_memory_bytes,
            node: try Field.text(message.pointee.node, "Failure.node"),
            key: try .decode(message.pointee.key),
            attempt: message.pointee.attempt,
            lost: try Field.message(message.pointee.lost))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Failure>, _ arena: borrowing Arena) {
        message.pointee.kind = Anabranch__V1__FailureKind(UInt32(kind.rawValue))
        arena.set(&message.pointee.type, type)
        arena.set(&message.pointee.message, self.message)
        arena.set(&message.pointee.traceback, traceback)
        arena.set(&message.pointee.output_tail, outputTail)
        message.pointee.exception = arena.message(exception)
        arena.set(&message.pointee.host, host)
        message.pointee.slot = slot
        message.pointee.peak_memory_bytes = peakMemoryBytes
        arena.set(&message.pointee.node, node)
        message.pointee.key = key.encode(arena)
        message.pointee.attempt = attempt
        message.pointee.lost = arena.message(lost)
    }
}

extension Score: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Score>) {
        anabranch__v1__score__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__Score>) throws(WireError) {
        self.init(name: try Field.text(message.pointee.name, "Score.name"), value: message.pointee.value)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Score>, _ arena: borrowing Arena) {
        arena.set(&message.pointee.name, name)
        message.pointee.value = value
    }
}

extension SplitPart: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__SplitPart>) {
        anabranch__v1__split_part__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__SplitPart>) throws(WireError) {
        self.init(
            labels: try Field.messages(message.pointee.n_parts, message.pointee.parts, "SplitPart.parts"),
            train: try Field.requiredMessage(message.pointee.train, "SplitPart.train"),
            test: try Field.message(message.pointee.test))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__SplitPart>, _ arena: borrowing Arena) {
        (message.pointee.n_parts, message.pointee.parts) = arena.list(labels)
        message.pointee.train = arena.message(train)
        message.pointee.test = arena.message(test)
    }
}

extension Success: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Success>) {
        anabranch__v1__success__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__Success>) throws(WireError) {
        self.init(
            model: try Field.message(message.pointee.model),
            output: try Field.message(message.pointee.output),
            parts: try Field.messages(message.pointee.n_parts, message.pointee.parts, "Success.parts"),
            scores: try Field.messages(message.pointee.n_scores, message.pointee.scores, "Success.scores"),
            value: try Field.message(message.pointee.value),
            warnings: try Field.texts(message.pointee.n_warnings, message.pointee.warnings, "Success.warnings"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Success>, _ arena: borrowing Arena) {
        message.pointee.model = arena.message(model)
        message.pointee.output = arena.message(output)
        (message.pointee.n_parts, message.pointee.parts) = arena.list(parts)
        (message.pointee.n_scores, message.pointee.scores) = arena.list(scores)
        message.pointee.value = arena.message(value)
        (message.pointee.n_warnings, message.pointee.warnings) = arena.list(warnings)
    }
}
