import AnabranchCore
import CMessages

extension Attempt: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Attempt>) {
        anabranch__v1__attempt__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__Attempt>) throws(WireError) {
        try self.init(task: message.pointee.task, number: message.pointee.attempt)
    }

    /// Checks the two fields wherever they stand.
    init(task: UInt64, number: UInt32) throws(WireError) {
        if number == 0 { throw Field.invalid("attempt", "is 0") }
        self.init(task: try Field.identifier(task, "task"), number: number)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Attempt>, _ arena: borrowing Arena) {
        message.pointee.task = task.rawValue
        message.pointee.attempt = number
    }
}

extension Predecessor: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Predecessor>) {
        anabranch__v1__predecessor__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__Predecessor>) throws(WireError) {
        self.init(
            attempt: try Attempt(task: message.pointee.task, number: message.pointee.attempt),
            arguments: Array(Field.numbers(message.pointee.n_arguments, message.pointee.arguments)))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Predecessor>, _ arena: borrowing Arena) {
        message.pointee.task = attempt.task.rawValue
        message.pointee.attempt = attempt.number
        (message.pointee.n_arguments, message.pointee.arguments) = arena.list(arguments)
    }
}

extension Limits: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Limits>) {
        anabranch__v1__limits__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__Limits>) throws(WireError) {
        self.init(
            timeoutMilliseconds: message.pointee.timeout_ms == 0 ? nil : message.pointee.timeout_ms,
            memoryBytes: message.pointee.memory_bytes == 0 ? nil : message.pointee.memory_bytes,
            threads: message.pointee.threads == 0 ? nil : message.pointee.threads)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Limits>, _ arena: borrowing Arena) {
        message.pointee.timeout_ms = timeoutMilliseconds ?? 0
        message.pointee.memory_bytes = memoryBytes ?? 0
        message.pointee.threads = threads ?? 0
    }

    /// Absent is no limits; no limits are not sent.
    static func decode(_ message: UnsafeMutablePointer<Anabranch__V1__Limits>?) throws(WireError) -> Limits {
        try Field.message(message) ?? Limits()
    }

    func encode(_ arena: borrowing Arena) -> UnsafeMutablePointer<Anabranch__V1__Limits>? {
        timeoutMilliseconds == nil && memoryBytes == nil && threads == nil ? nil : arena.message(self)
    }
}

extension TaskAssignment: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Task>) { anabranch__v1__task__init(message) }

    init(_ message: UnsafePointer<Anabranch__V1__Task>) throws(WireError) {
        self.init(
            attempt: try Attempt(task: message.pointee.task, number: message.pointee.attempt),
            run: try Field.identifier(message.pointee.run, "Task.run"),
            node: try Field.text(message.pointee.node, "Task.node"),
            key: try .decode(message.pointee.key),
            limits: try .decode(message.pointee.limits),
            after: try Field.message(message.pointee.after),
            keepsOutput: message.pointee.keeps_output != 0,
            keepsModel: message.pointee.keeps_model != 0,
            work: try Work(message))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Task>, _ arena: borrowing Arena) {
        message.pointee.task = attempt.task.rawValue
        message.pointee.attempt = attempt.number
        message.pointee.run = run.rawValue
        arena.set(&message.pointee.node, node)
        message.pointee.key = key.encode(arena)
        message.pointee.limits = limits.encode(arena)
        if let after { message.pointee.after = arena.message(after) }
        message.pointee.keeps_output = keepsOutput ? 1 : 0
        message.pointee.keeps_model = keepsModel ? 1 : 0
        work.fill(message, arena)
    }
}

extension Work {
    fileprivate init(_ message: UnsafePointer<Anabranch__V1__Task>) throws(WireError) {
        switch message.pointee.work_case {
        case ANABRANCH__V1__TASK__WORK_FIT: self = .fit(try Field.requiredMessage(message.pointee.fit, "Task.fit"))
        case ANABRANCH__V1__TASK__WORK_APPLY:
            self = .apply(try Field.requiredMessage(message.pointee.apply, "Task.apply"))
        case ANABRANCH__V1__TASK__WORK_COMBINE:
            self = .combine(try Field.requiredMessage(message.pointee.combine, "Task.combine"))
        case ANABRANCH__V1__TASK__WORK_SPLIT:
            self = .split(try Field.requiredMessage(message.pointee.split, "Task.split"))
        case ANABRANCH__V1__TASK__WORK_CALL: self = .call(try Field.requiredMessage(message.pointee.call, "Task.call"))
        case ANABRANCH__V1__TASK__WORK_NATIVE:
            self = .native(try Field.requiredMessage(message.pointee.native, "Task.native"))
        default: throw Field.invalid("Task.work", "is missing")
        }
    }

    fileprivate func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Task>, _ arena: borrowing Arena) {
        switch self {
        case .fit(let work):
            message.pointee.work_case = ANABRANCH__V1__TASK__WORK_FIT
            message.pointee.fit = arena.message(work)
        case .apply(let work):
            message.pointee.work_case = ANABRANCH__V1__TASK__WORK_APPLY
            message.pointee.apply = arena.message(work)
        case .combine(let work):
            message.pointee.work_case = ANABRANCH__V1__TASK__WORK_COMBINE
            message.pointee.combine = arena.message(work)
        case .split(let work):
            message.pointee.work_case = ANABRANCH__V1__TASK__WORK_SPLIT
            message.pointee.split = arena.message(work)
        case .call(let work):
            message.pointee.work_case = ANABRANCH__V1__TASK__WORK_CALL
            message.pointee.call = arena.message(work)
        case .native(let work):
            message.pointee.work_case = ANABRANCH__V1__TASK__WORK_NATIVE
            message.pointee.native = arena.message(work)
        }
    }
}
