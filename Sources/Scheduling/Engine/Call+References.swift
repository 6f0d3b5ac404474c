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
        switch function {
        case .python(let function, let pickled):
            return .call(CallWork(function: function, arguments: pickled, dependencies: arguments))
        case .native(let name, let parameters):
            return .native(NativeWork(function: name, parameters: parameters, arguments: arguments))
        }
    }

    var executor: String {
        if case .native = function { "native" } else { "python" }
    }
}
