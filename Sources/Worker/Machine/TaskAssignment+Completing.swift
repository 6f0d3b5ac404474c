import AnabranchCore

extension TaskAssignment {
    /// The task as it runs after this result of its predecessor; nil when it does not.
    func completed(by result: TaskResult) -> TaskAssignment? {
        guard case .success(let success) = result.outcome else { return nil }
        return completed(with: success.value)
    }

    /// Nil when the value has no place in it.
    func completed(with value: ObjectRef?) -> TaskAssignment? {
        var task = self
        let places = after?.arguments ?? []
        task.after = nil
        guard let value else { return task }
        switch work {
        case .call(var call):
            guard Self.put(value, at: places, in: &call.dependencies) else { return nil }
            task.work = .call(call)
        case .native(var native):
            guard Self.put(value, at: places, in: &native.arguments) else { return nil }
            task.work = .native(native)
        case .fit, .apply, .combine, .split: return nil
        }
        return task
    }

    private static func put(_ value: ObjectRef, at places: [UInt64], in arguments: inout [ObjectRef]) -> Bool {
        for place in places {
            guard place < UInt64(arguments.count) else { return false }
            arguments[Int(place)] = value
        }
        return true
    }
}
