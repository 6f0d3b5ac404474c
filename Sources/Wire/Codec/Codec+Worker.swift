import AnabranchCore
import CMessages

extension WorkerHello: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__WorkerHello>) {
        anabranch__v1__worker_hello__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__WorkerHello>) throws(WireError) {
        if message.pointee.instance == 0 { throw Field.invalid("WorkerHello.instance", "is 0") }
        if message.pointee.slots == 0 { throw Field.invalid("WorkerHello.slots", "is 0") }
        self.init(
            instance: message.pointee.instance,
            lane: try Field.requiredText(message.pointee.lane, "WorkerHello.lane"),
            slots: message.pointee.slots,
            threadsPerSlot: max(1, message.pointee.threads_per_slot),
            host: try Field.text(message.pointee.host, "WorkerHello.host"),
            processID: message.pointee.pid,
            store: try Field.text(message.pointee.store, "WorkerHello.store"),
            storeIdentity: try Field.text(message.pointee.store_identity, "WorkerHello.store_identity"),
            hasOwnStore: message.pointee.own_store != 0,
            executors: try Field.texts(
                message.pointee.n_executors, message.pointee.executors, "WorkerHello.executors"),
            labels: try Field.texts(message.pointee.n_labels, message.pointee.labels, "WorkerHello.labels"),
            versions: try Field.requiredMessage(message.pointee.versions, "WorkerHello.versions"),
            writers: try Field.identifiers(
                message.pointee.n_writers, message.pointee.writers, "WorkerHello.writers"),
            worker: Field.optionalIdentifier(message.pointee.worker))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__WorkerHello>, _ arena: borrowing Arena) {
        message.pointee.instance = instance
        arena.set(&message.pointee.lane, lane)
        message.pointee.slots = slots
        message.pointee.threads_per_slot = threadsPerSlot
        arena.set(&message.pointee.host, host)
        message.pointee.pid = processID
        arena.set(&message.pointee.store, store)
        arena.set(&message.pointee.store_identity, storeIdentity)
        message.pointee.own_store = hasOwnStore ? 1 : 0
        (message.pointee.n_executors, message.pointee.executors) = arena.list(executors)
        (message.pointee.n_labels, message.pointee.labels) = arena.list(labels)
        message.pointee.versions = arena.message(versions)
        (message.pointee.n_writers, message.pointee.writers) = arena.list(writers.map(\.rawValue))
        message.pointee.worker = worker?.rawValue ?? 0
    }
}

extension WorkerWelcome: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__WorkerWelcome>) {
        anabranch__v1__worker_welcome__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__WorkerWelcome>) throws(WireError) {
        if message.pointee.heartbeat_ms == 0 { throw Field.invalid("WorkerWelcome.heartbeat_ms", "is 0") }
        self.init(
            worker: try Field.identifier(message.pointee.worker, "WorkerWelcome.worker"),
            epoch: try Field.identifier(message.pointee.epoch, "WorkerWelcome.epoch"),
            inbox: try Field.requiredText(message.pointee.inbox, "WorkerWelcome.inbox"),
            store: try Field.text(message.pointee.store, "WorkerWelcome.store"),
            heartbeatMilliseconds: message.pointee.heartbeat_ms,
            leaseMilliseconds: message.pointee.lease_ms,
            inlineThreshold: message.pointee.inline_threshold,
            storeBudget: message.pointee.store_budget)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__WorkerWelcome>, _ arena: borrowing Arena) {
        message.pointee.worker = worker.rawValue
        message.pointee.epoch = epoch.rawValue
        arena.set(&message.pointee.inbox, inbox)
        arena.set(&message.pointee.store, store)
        message.pointee.heartbeat_ms = heartbeatMilliseconds
        message.pointee.lease_ms = leaseMilliseconds
        message.pointee.inline_threshold = inlineThreshold
        message.pointee.store_budget = storeBudget
    }
}
