import AnabranchCore
import CMessages
import CProtobufC

extension Call: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Call>) { anabranch__v1__call__init(message) }

    init(_ message: UnsafePointer<Anabranch__V1__Call>) throws(WireError) {
        let after: [CallID] = try Field.identifiers(message.pointee.n_after, message.pointee.after, "Call.after")
        let work = message.pointee.work.map { UnsafePointer($0) }
        let native = try Field.text(message.pointee.native_function, "Call.native_function")
        let function: Function
        if native.isEmpty {
            function = .python(
                function: try Field.requiredMessage(work?.pointee.function, "Call.function"),
                arguments: try Field.requiredMessage(work?.pointee.arguments, "Call.arguments"))
        } else {
            if work?.pointee.function != nil { throw Field.invalid("Call.native_function", "stands beside a function") }
            function = .native(name: native, parameters: Field.bytes(message.pointee.native_parameters))
        }
        self.init(
            id: try Field.identifier(message.pointee.call, "Call.call"),
            function: function,
            dependencies: try Call.dependencies(work, after: after),
            limits: try .decode(message.pointee.limits),
            retries: message.pointee.retries,
            isInPlace: message.pointee.in_place != 0,
            worker: message.pointee.worker == 0 ? nil : try Field.identifier(message.pointee.worker, "Call.worker"))
    }

    /// Objects as they are listed; an entry without writer stands for the next call in `after`. Without a list, all are
    /// calls.
    private static func dependencies(
        _ work: UnsafePointer<Anabranch__V1__CallWork>?, after: [CallID]
    ) throws(WireError) -> [Dependency] {
        guard let work else { return after.map { .call($0) } }
        var waited = after[...]
        var dependencies: [Dependency] = []
        dependencies.reserveCapacity(work.pointee.n_dependencies)
        for entry in UnsafeBufferPointer(start: work.pointee.dependencies, count: work.pointee.n_dependencies) {
            if entry?.pointee.writer != 0 {
                dependencies.append(.object(try Field.requiredMessage(entry, "Call.dependencies")))
            } else if let call = waited.popFirst() {
                dependencies.append(.call(call))
            } else {
                throw Field.invalid("Call.dependencies", "have more empty entries than `after` has calls")
            }
        }
        if !waited.isEmpty { throw Field.invalid("Call.after", "has more calls than the dependencies empty entries") }
        return dependencies
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Call>, _ arena: borrowing Arena) {
        message.pointee.call = id.rawValue
        let after = after
        switch function {
        case .python(let function, let arguments):
            message.pointee.work = work(arena)
            message.pointee.work.pointee.function = arena.message(function)
            message.pointee.work.pointee.arguments = arena.message(arguments)
        case .native(let name, let parameters):
            arena.set(&message.pointee.native_function, name)
            message.pointee.native_parameters = arena.binary(parameters)
            if after.count != dependencies.count { message.pointee.work = work(arena) }
        }
        (message.pointee.n_after, message.pointee.after) = arena.list(after.map(\.rawValue))
        message.pointee.limits = limits.encode(arena)
        message.pointee.retries = retries
        message.pointee.in_place = isInPlace ? 1 : 0
        message.pointee.worker = worker?.rawValue ?? 0
    }

    /// The struct that lists the dependencies.
    private func work(_ arena: borrowing Arena) -> UnsafeMutablePointer<Anabranch__V1__CallWork> {
        let work = arena.allocate(MemoryLayout<Anabranch__V1__CallWork>.size)
            .bindMemory(to: Anabranch__V1__CallWork.self, capacity: 1)
        anabranch__v1__call_work__init(work)
        (work.pointee.n_dependencies, work.pointee.dependencies) = arena.list(dependencies)
        return work
    }
}

extension Call.Dependency: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__ObjectRef>) {
        anabranch__v1__object_ref__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__ObjectRef>) throws(WireError) {
        self = .object(try ObjectRef(message))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__ObjectRef>, _ arena: borrowing Arena) {
        if case .object(let reference) = self { reference.fill(message, arena) }
    }
}

extension SubmitCalls: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__SubmitCalls>) {
        anabranch__v1__submit_calls__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__SubmitCalls>) throws(WireError) {
        self.init(
            run: try Field.identifier(message.pointee.run, "SubmitCalls.run"),
            calls: try Field.messages(message.pointee.n_calls, message.pointee.calls, "SubmitCalls.calls"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__SubmitCalls>, _ arena: borrowing Arena) {
        message.pointee.run = run.rawValue
        (message.pointee.n_calls, message.pointee.calls) = arena.list(calls)
    }
}

extension CallResult: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__CallResult>) {
        anabranch__v1__call_result__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__CallResult>) throws(WireError) {
        let outcome: Outcome
        switch message.pointee.outcome_case {
        case ANABRANCH__V1__CALL_RESULT__OUTCOME_VALUE:
            outcome = .value(try Field.requiredMessage(message.pointee.value, "CallResult.value"))
        case ANABRANCH__V1__CALL_RESULT__OUTCOME_FAILURE:
            outcome = .failure(try Field.requiredMessage(message.pointee.failure, "CallResult.failure"))
        default:
            throw Field.invalid("CallResult.outcome", "is missing")
        }
        self.init(
            call: try Field.identifier(message.pointee.call, "CallResult.call"),
            outcome: outcome,
            usage: try .decode(message.pointee.usage),
            earlier: try Field.messages(message.pointee.n_earlier, message.pointee.earlier, "CallResult.earlier"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__CallResult>, _ arena: borrowing Arena) {
        message.pointee.call = call.rawValue
        switch outcome {
        case .value(let reference):
            message.pointee.outcome_case = ANABRANCH__V1__CALL_RESULT__OUTCOME_VALUE
            message.pointee.value = arena.message(reference)
        case .failure(let failure):
            message.pointee.outcome_case = ANABRANCH__V1__CALL_RESULT__OUTCOME_FAILURE
            message.pointee.failure = arena.message(failure)
        }
        message.pointee.usage = usage.encode(arena)
        (message.pointee.n_earlier, message.pointee.earlier) = arena.list(earlier)
    }
}

extension CallResults: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__CallResults>) {
        anabranch__v1__call_results__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__CallResults>) throws(WireError) {
        self.init(
            run: try Field.identifier(message.pointee.run, "CallResults.run"),
            results: try Field.messages(message.pointee.n_results, message.pointee.results, "CallResults.results"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__CallResults>, _ arena: borrowing Arena) {
        message.pointee.run = run.rawValue
        (message.pointee.n_results, message.pointee.results) = arena.list(results)
    }
}
