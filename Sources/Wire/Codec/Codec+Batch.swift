import AnabranchCore
import CMessages

extension TaskBatch: TopLevelMessage {
    static let name: StaticString = "TaskBatch"
    static let limit = MessageLimit.data

    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__TaskBatch>) {
        anabranch__v1__task_batch__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__TaskBatch>) throws(WireError) {
        try TaskBatch.check(protocolVersion: message.pointee.protocol)
        self.init(
            epoch: try Field.identifier(message.pointee.epoch, "TaskBatch.epoch"),
            worker: try Field.identifier(message.pointee.worker, "TaskBatch.worker"),
            tasks: try Field.messages(message.pointee.n_tasks, message.pointee.tasks, "TaskBatch.tasks"),
            cancels: try Field.messages(message.pointee.n_cancels, message.pointee.cancels, "TaskBatch.cancels"),
            releases: try Field.messages(message.pointee.n_releases, message.pointee.releases, "TaskBatch.releases"),
            drain: message.pointee.drain != 0,
            number: message.pointee.number)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__TaskBatch>, _ arena: borrowing Arena) {
        message.pointee.protocol = ProtocolVersion.current
        message.pointee.epoch = epoch.rawValue
        message.pointee.worker = worker.rawValue
        (message.pointee.n_tasks, message.pointee.tasks) = arena.list(tasks)
        (message.pointee.n_cancels, message.pointee.cancels) = arena.list(cancels)
        (message.pointee.n_releases, message.pointee.releases) = arena.list(releases)
        message.pointee.drain = drain ? 1 : 0
        message.pointee.number = number
    }
}

extension ResultBatch: TopLevelMessage {
    static let name: StaticString = "ResultBatch"
    static let limit = MessageLimit.data

    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__ResultBatch>) {
        anabranch__v1__result_batch__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__ResultBatch>) throws(WireError) {
        try ResultBatch.check(protocolVersion: message.pointee.protocol)
        self.init(
            epoch: try Field.identifier(message.pointee.epoch, "ResultBatch.epoch"),
            worker: try Field.identifier(message.pointee.worker, "ResultBatch.worker"),
            results: try Field.messages(message.pointee.n_results, message.pointee.results, "ResultBatch.results"),
            heartbeat: try Field.message(message.pointee.heartbeat),
            released: try Field.messages(message.pointee.n_released, message.pointee.released, "ResultBatch.released"),
            writersOpened: try Field.identifiers(
                message.pointee.n_writers_opened, message.pointee.writers_opened, "ResultBatch.writers_opened"),
            writersClosed: try Field.identifiers(
                message.pointee.n_writers_closed, message.pointee.writers_closed, "ResultBatch.writers_closed"),
            logs: try Field.messages(message.pointee.n_logs, message.pointee.logs, "ResultBatch.logs"),
            started: try Field.messages(message.pointee.n_started, message.pointee.started, "ResultBatch.started"),
            waiting: try (Field.message(message.pointee.waiting) as WaitingAttempts?)?.attempts)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__ResultBatch>, _ arena: borrowing Arena) {
        message.pointee.protocol = ProtocolVersion.current
        message.pointee.epoch = epoch.rawValue
        message.pointee.worker = worker.rawValue
        (message.pointee.n_results, message.pointee.results) = arena.list(results)
        message.pointee.heartbeat = arena.message(heartbeat)
        (message.pointee.n_released, message.pointee.released) = arena.list(released)
        (message.pointee.n_writers_opened, message.pointee.writers_opened) = arena.list(writersOpened.map(\.rawValue))
        (message.pointee.n_writers_closed, message.pointee.writers_closed) = arena.list(writersClosed.map(\.rawValue))
        (message.pointee.n_logs, message.pointee.logs) = arena.list(logs)
        (message.pointee.n_started, message.pointee.started) = arena.list(started)
        message.pointee.waiting = arena.message(waiting.map(WaitingAttempts.init))
    }
}

/// A list that may be absent and not only empty.
private struct WaitingAttempts: MappedValue {
    let attempts: [Attempt]

    init(_ attempts: [Attempt]) { self.attempts = attempts }

    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__WaitingAttempts>) {
        anabranch__v1__waiting_attempts__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__WaitingAttempts>) throws(WireError) {
        attempts = try Field.messages(
            message.pointee.n_attempts, message.pointee.attempts, "ResultBatch.waiting")
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__WaitingAttempts>, _ arena: borrowing Arena) {
        (message.pointee.n_attempts, message.pointee.attempts) = arena.list(attempts)
    }
}

extension Heartbeat: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Heartbeat>) {
        anabranch__v1__heartbeat__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__Heartbeat>) throws(WireError) {
        self.init(
            running: try Field.messages(message.pointee.n_running, message.pointee.running, "Heartbeat.running"),
            idleSlots: message.pointee.idle_slots,
            droppedMessages: message.pointee.dropped_messages,
            lastBatch: message.pointee.last_batch)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Heartbeat>, _ arena: borrowing Arena) {
        (message.pointee.n_running, message.pointee.running) = arena.list(running)
        message.pointee.idle_slots = idleSlots
        message.pointee.dropped_messages = droppedMessages
        message.pointee.last_batch = lastBatch
    }
}

extension HeldReleased: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__HeldReleased>) {
        anabranch__v1__held_released__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__HeldReleased>) throws(WireError) {
        self.init(
            holder: try Field.identifier(message.pointee.holder, "HeldReleased.holder"),
            objects: try Field.messages(message.pointee.n_objects, message.pointee.objects, "HeldReleased.objects"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__HeldReleased>, _ arena: borrowing Arena) {
        message.pointee.holder = holder.rawValue
        (message.pointee.n_objects, message.pointee.objects) = arena.list(objects)
    }
}

extension SlotLog: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__SlotLog>) {
        anabranch__v1__slot_log__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__SlotLog>) throws(WireError) {
        self.init(
            task: Field.optionalIdentifier(message.pointee.task),
            text: try Field.text(message.pointee.text, "SlotLog.text"),
            isErrorStream: message.pointee.error_stream != 0,
            node: try Field.text(message.pointee.node, "SlotLog.node"),
            worker: Field.optionalIdentifier(message.pointee.worker))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__SlotLog>, _ arena: borrowing Arena) {
        message.pointee.task = task?.rawValue ?? 0
        arena.set(&message.pointee.text, text)
        message.pointee.error_stream = isErrorStream ? 1 : 0
        arena.set(&message.pointee.node, node)
        message.pointee.worker = worker?.rawValue ?? 0
    }
}
