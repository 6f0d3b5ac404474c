import AnabranchCore

extension Call {
    /// Every object that this names, one at a time.
    func forEachReference(_ body: (ObjectRef) -> Void) {
        if case .python(let function, let arguments) = function {
            body(function)
            body(arguments)
        }
        for case .object(let reference) in dependencies { body(reference) }
    }

    /// The work, once every dependency is an object; nil before.
    var work: Work? {
        var arguments: [ObjectRef] = []
        for dependency in dependencies {
            guard case .object(let reference) = dependency else { return nil }
            arguments.append(reference)
        }
        return work(over: arguments)
    }

    /// As it is sent ahead: all that is missing is the predecessor's value. Until that is known the value of a native call
    /// that answers nothing stands for it.
    func assignment(_ attempt: Attempt, _ run: RunID, after predecessor: Attempt, _ epoch: Epoch) -> TaskAssignment {
        var arguments: [ObjectRef] = []
        var places: [UInt64] = []
        for (place, dependency) in dependencies.enumerated() {
            switch dependency {
            case .object(let reference): arguments.append(reference)
            case .call:
                arguments.append(.nothing(epoch))
                places.append(UInt64(place))
            }
        }
        return TaskAssignment(
            attempt: attempt, run: run, node: "", limits: limits,
            after: Predecessor(attempt: predecessor, arguments: places), work: work(over: arguments))
    }

    private func work(over arguments: [ObjectRef]) -> Work {
        switch function {
        case .python(let function, let pickled):
            .call(CallWork(function: function, arguments: pickled, dependencies: arguments))
        case .native(let name, let parameters):
            .native(NativeWork(function: name, parameters: parameters, arguments: arguments))
        }
    }

    var executor: String {
        if case .native = function { "native" } else { "python" }
    }
}
