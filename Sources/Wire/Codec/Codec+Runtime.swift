import AnabranchCore
import CMessages

extension ToRuntime: TopLevelMessage {
    static let name: StaticString = "ToRuntime"
    static let limit = MessageLimit.data

    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__ToRuntime>) {
        anabranch__v1__to_runtime__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__ToRuntime>) throws(WireError) {
        self.init(
            setup: try Field.message(message.pointee.setup),
            tasks: try Field.messages(message.pointee.n_tasks, message.pointee.tasks, "ToRuntime.tasks"),
            releases: try Field.messages(message.pointee.n_releases, message.pointee.releases, "ToRuntime.releases"),
            cancels: try Field.messages(message.pointee.n_cancels, message.pointee.cancels, "ToRuntime.cancels"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__ToRuntime>, _ arena: borrowing Arena) {
        message.pointee.setup = arena.message(setup)
        (message.pointee.n_tasks, message.pointee.tasks) = arena.list(tasks)
        (message.pointee.n_releases, message.pointee.releases) = arena.list(releases)
        (message.pointee.n_cancels, message.pointee.cancels) = arena.list(cancels)
    }
}

extension FromRuntime: TopLevelMessage {
    static let name: StaticString = "FromRuntime"
    static let limit = MessageLimit.data

    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__FromRuntime>) {
        anabranch__v1__from_runtime__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__FromRuntime>) throws(WireError) {
        self.init(
            hello: try Field.message(message.pointee.hello),
            results: try Field.messages(message.pointee.n_results, message.pointee.results, "FromRuntime.results"),
            released: try Field.messages(message.pointee.n_released, message.pointee.released, "FromRuntime.released"),
            started: try Field.message(message.pointee.started),
            loaded: try Field.texts(message.pointee.n_loaded, message.pointee.loaded, "FromRuntime.loaded"),
            waiting: try Field.message(message.pointee.waiting),
            resumed: try Field.message(message.pointee.resumed))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__FromRuntime>, _ arena: borrowing Arena) {
        message.pointee.hello = arena.message(hello)
        (message.pointee.n_results, message.pointee.results) = arena.list(results)
        (message.pointee.n_released, message.pointee.released) = arena.list(released)
        message.pointee.started = arena.message(started)
        (message.pointee.n_loaded, message.pointee.loaded) = arena.list(loaded)
        message.pointee.waiting = arena.message(waiting)
        message.pointee.resumed = arena.message(resumed)
    }
}

extension RuntimeSetup: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__RuntimeSetup>) {
        anabranch__v1__runtime_setup__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__RuntimeSetup>) throws(WireError) {
        self.init(
            storePath: try Field.text(message.pointee.store_path, "RuntimeSetup.store_path"),
            writer: try Field.identifier(message.pointee.writer, "RuntimeSetup.writer"),
            slot: message.pointee.slot,
            threads: message.pointee.threads,
            inlineThreshold: message.pointee.inline_threshold,
            storeBudget: message.pointee.store_budget,
            systemPath: try Field.texts(
                message.pointee.n_sys_path, message.pointee.sys_path, "RuntimeSetup.sys_path"),
            workingDirectory: try Field.text(message.pointee.working_directory, "RuntimeSetup.working_directory"),
            memoryBytes: message.pointee.memory_bytes == 0 ? nil : message.pointee.memory_bytes,
            address: try Field.text(message.pointee.address, "RuntimeSetup.address"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__RuntimeSetup>, _ arena: borrowing Arena) {
        arena.set(&message.pointee.store_path, storePath)
        message.pointee.writer = writer.rawValue
        message.pointee.slot = slot
        message.pointee.threads = threads
        message.pointee.inline_threshold = inlineThreshold
        message.pointee.store_budget = storeBudget
        (message.pointee.n_sys_path, message.pointee.sys_path) = arena.list(systemPath)
        arena.set(&message.pointee.working_directory, workingDirectory)
        message.pointee.memory_bytes = memoryBytes ?? 0
        arena.set(&message.pointee.address, address)
    }
}

extension RuntimeHello: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__RuntimeHello>) {
        anabranch__v1__runtime_hello__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__RuntimeHello>) throws(WireError) {
        self.init(
            versions: try Field.requiredMessage(message.pointee.versions, "RuntimeHello.versions"),
            processID: message.pointee.pid)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__RuntimeHello>, _ arena: borrowing Arena) {
        message.pointee.versions = arena.message(versions)
        message.pointee.pid = processID
    }
}

extension Versions: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Versions>) {
        anabranch__v1__versions__init(message)
    }

    /// The protocol is not compared here: whoever gets a hello answers a foreign one.
    init(_ message: UnsafePointer<Anabranch__V1__Versions>) throws(WireError) {
        self.init(
            protocolVersion: message.pointee.protocol,
            anabranch: try Field.text(message.pointee.anabranch, "Versions.anabranch"),
            python: try Field.text(message.pointee.python, "Versions.python"),
            cloudpickle: try Field.text(message.pointee.cloudpickle, "Versions.cloudpickle"),
            numpy: try Field.text(message.pointee.numpy, "Versions.numpy"),
            scikitLearn: try Field.text(message.pointee.sklearn, "Versions.sklearn"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Versions>, _ arena: borrowing Arena) {
        message.pointee.protocol = protocolVersion
        arena.set(&message.pointee.anabranch, anabranch)
        arena.set(&message.pointee.python, python)
        arena.set(&message.pointee.cloudpickle, cloudpickle)
        arena.set(&message.pointee.numpy, numpy)
        arena.set(&message.pointee.sklearn, scikitLearn)
    }
}
