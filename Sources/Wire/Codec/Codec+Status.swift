import AnabranchCore
import CMessages
import PipelineGraph

extension WorkerStatus: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__WorkerStatus>) {
        anabranch__v1__worker_status__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__WorkerStatus>) throws(WireError) {
        let text = try Field.text(message.pointee.state, "WorkerStatus.state")
        guard let state = WorkerState(rawValue: text) else {
            throw Field.invalid("WorkerStatus.state", "has the unknown value \(text)")
        }
        self.init(
            worker: try Field.identifier(message.pointee.worker, "WorkerStatus.worker"),
            host: try Field.text(message.pointee.host, "WorkerStatus.host"),
            processID: message.pointee.pid, slots: message.pointee.slots, running: message.pointee.running,
            state: state, finished: message.pointee.finished,
            labels: try Field.texts(message.pointee.n_labels, message.pointee.labels, "WorkerStatus.labels"),
            hasOwnStore: message.pointee.own_store != 0,
            executors: try Field.texts(
                message.pointee.n_executors, message.pointee.executors, "WorkerStatus.executors"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__WorkerStatus>, _ arena: borrowing Arena) {
        message.pointee.worker = worker.rawValue
        arena.set(&message.pointee.host, host)
        message.pointee.pid = processID
        message.pointee.slots = slots
        message.pointee.running = running
        arena.set(&message.pointee.state, state.rawValue)
        message.pointee.finished = finished
        (message.pointee.n_labels, message.pointee.labels) = arena.list(labels)
        message.pointee.own_store = hasOwnStore ? 1 : 0
        (message.pointee.n_executors, message.pointee.executors) = arena.list(executors)
    }
}

extension RunStatus: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__RunStatus>) {
        anabranch__v1__run_status__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__RunStatus>) throws(WireError) {
        self.init(
            run: try Field.identifier(message.pointee.run, "RunStatus.run"),
            name: try Field.text(message.pointee.name, "RunStatus.name"),
            state: try Field.known(message.pointee.state.rawValue, "RunStatus.state"),
            progress: try Field.messages(message.pointee.n_progress, message.pointee.progress, "RunStatus.progress"),
            nodes: try Field.texts(message.pointee.n_nodes, message.pointee.nodes, "RunStatus.nodes"),
            startedUnixMilliseconds: message.pointee.started_unix_ms,
            elapsedMilliseconds: message.pointee.seconds_ms,
            isSession: message.pointee.session != 0,
            waiting: try Field.text(message.pointee.waiting, "RunStatus.waiting"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__RunStatus>, _ arena: borrowing Arena) {
        message.pointee.run = run.rawValue
        arena.set(&message.pointee.name, name)
        message.pointee.state = Anabranch__V1__RunState(UInt32(state.rawValue))
        (message.pointee.n_progress, message.pointee.progress) = arena.list(progress)
        (message.pointee.n_nodes, message.pointee.nodes) = arena.list(nodes)
        message.pointee.started_unix_ms = startedUnixMilliseconds
        message.pointee.seconds_ms = elapsedMilliseconds
        message.pointee.session = isSession ? 1 : 0
        arena.set(&message.pointee.waiting, waiting)
    }
}

extension StoreHolder: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__StoreHolder>) {
        anabranch__v1__store_holder__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__StoreHolder>) throws(WireError) {
        self.init(name: try Field.text(message.pointee.name, "StoreHolder.name"), bytes: message.pointee.bytes)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__StoreHolder>, _ arena: borrowing Arena) {
        arena.set(&message.pointee.name, name)
        message.pointee.bytes = bytes
    }
}

extension Status: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Status>) {
        anabranch__v1__status__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__Status>) throws(WireError) {
        self.init(
            epoch: try Field.identifier(message.pointee.epoch, "Status.epoch"),
            workers: try Field.messages(message.pointee.n_workers, message.pointee.workers, "Status.workers"),
            runs: try Field.messages(message.pointee.n_runs, message.pointee.runs, "Status.runs"),
            storeBytes: message.pointee.store_bytes,
            storeBudget: message.pointee.store_budget,
            objects: message.pointee.objects,
            droppedMessages: message.pointee.dropped_messages,
            version: try Field.text(message.pointee.version, "Status.version"),
            queued: message.pointee.queued,
            storeHolders: try Field.messages(
                message.pointee.n_store_holders, message.pointee.store_holders, "Status.store_holders"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Status>, _ arena: borrowing Arena) {
        message.pointee.epoch = epoch.rawValue
        (message.pointee.n_workers, message.pointee.workers) = arena.list(workers)
        (message.pointee.n_runs, message.pointee.runs) = arena.list(runs)
        message.pointee.store_bytes = storeBytes
        message.pointee.store_budget = storeBudget
        message.pointee.objects = objects
        message.pointee.dropped_messages = droppedMessages
        arena.set(&message.pointee.version, version)
        message.pointee.queued = queued
        (message.pointee.n_store_holders, message.pointee.store_holders) = arena.list(storeHolders)
    }
}
