import AnabranchCore
import CMessages

extension Usage: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Usage>) {
        anabranch__v1__usage__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__Usage>) throws(WireError) {
        self.init()
        queueMicroseconds = message.pointee.queue_us
        openMicroseconds = message.pointee.open_us
        computeMicroseconds = message.pointee.compute_us
        storeMicroseconds = message.pointee.store_us
        bytesIn = message.pointee.bytes_in
        bytesOut = message.pointee.bytes_out
        bytesCopied = message.pointee.bytes_copied
        peakMemoryBytes = message.pointee.peak_memory_bytes
        readonlyRetries = message.pointee.readonly_retries
        startedMicroseconds = message.pointee.started_us
        receivedMicroseconds = message.pointee.received_us
        dispatchedMicroseconds = message.pointee.dispatched_us
        arrivedMicroseconds = message.pointee.arrived_us
        slot = message.pointee.slot
        worker = Field.optionalIdentifier(message.pointee.worker)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Usage>, _ arena: borrowing Arena) {
        message.pointee.queue_us = queueMicroseconds
        message.pointee.open_us = openMicroseconds
        message.pointee.compute_us = computeMicroseconds
        message.pointee.store_us = storeMicroseconds
        message.pointee.bytes_in = bytesIn
        message.pointee.bytes_out = bytesOut
        message.pointee.bytes_copied = bytesCopied
        message.pointee.peak_memory_bytes = peakMemoryBytes
        message.pointee.readonly_retries = readonlyRetries
        message.pointee.started_us = startedMicroseconds
        message.pointee.received_us = receivedMicroseconds
        message.pointee.dispatched_us = dispatchedMicroseconds
        message.pointee.arrived_us = arrivedMicroseconds
        message.pointee.slot = slot
        message.pointee.worker = worker?.rawValue ?? 0
    }

    /// Absent is no usage at all, which is not sent.
    static func decode(_ message: UnsafeMutablePointer<Anabranch__V1__Usage>?) throws(WireError) -> Usage {
        try Field.message(message) ?? Usage()
    }

    func encode(_ arena: borrowing Arena) -> UnsafeMutablePointer<Anabranch__V1__Usage>? {
        self == Usage() ? nil : arena.message(self)
    }
}

extension EarlierAttempt: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__EarlierAttempt>) {
        anabranch__v1__earlier_attempt__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__EarlierAttempt>) throws(WireError) {
        self.init(
            number: message.pointee.attempt,
            kind: try Field.known(message.pointee.kind.rawValue, "EarlierAttempt.kind"),
            usage: try .decode(message.pointee.usage))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__EarlierAttempt>, _ arena: borrowing Arena) {
        message.pointee.attempt = number
        message.pointee.kind = Anabranch__V1__FailureKind(UInt32(kind.rawValue))
        message.pointee.usage = usage.encode(arena)
    }
}

extension TaskResult: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Result>) {
        anabranch__v1__result__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__Result>) throws(WireError) {
        let outcome: Outcome
        switch message.pointee.outcome_case {
        case ANABRANCH__V1__RESULT__OUTCOME_SUCCESS:
            outcome = .success(try Field.requiredMessage(message.pointee.success, "Result.success"))
        case ANABRANCH__V1__RESULT__OUTCOME_FAILURE:
            outcome = .failure(try Field.requiredMessage(message.pointee.failure, "Result.failure"))
        default:
            throw Field.invalid("Result.outcome", "is missing")
        }
        self.init(
            attempt: try Attempt(task: message.pointee.task, number: message.pointee.attempt),
            outcome: outcome,
            usage: try .decode(message.pointee.usage),
            holder: Field.optionalIdentifier(message.pointee.holder),
            held: try Field.messages(message.pointee.n_held, message.pointee.held, "Result.held"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Result>, _ arena: borrowing Arena) {
        message.pointee.task = attempt.task.rawValue
        message.pointee.attempt = attempt.number
        switch outcome {
        case .success(let success):
            message.pointee.outcome_case = ANABRANCH__V1__RESULT__OUTCOME_SUCCESS
            message.pointee.success = arena.message(success)
        case .failure(let failure):
            message.pointee.outcome_case = ANABRANCH__V1__RESULT__OUTCOME_FAILURE
            message.pointee.failure = arena.message(failure)
        }
        message.pointee.usage = usage.encode(arena)
        message.pointee.holder = holder?.rawValue ?? 0
        (message.pointee.n_held, message.pointee.held) = arena.list(held)
    }
}
