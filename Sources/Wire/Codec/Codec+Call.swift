import AnabranchCore
import CMessages

extension CallWork: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__CallWork>) {
        anabranch__v1__call_work__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__CallWork>) throws(WireError) {
        self.init(
            function: try Field.requiredMessage(message.pointee.function, "CallWork.function"),
            arguments: try Field.requiredMessage(message.pointee.arguments, "CallWork.arguments"),
            dependencies: try Field.messages(
                message.pointee.n_dependencies, message.pointee.dependencies, "CallWork.dependencies"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__CallWork>, _ arena: borrowing Arena) {
        message.pointee.function = arena.message(function)
        message.pointee.arguments = arena.message(arguments)
        (message.pointee.n_dependencies, message.pointee.dependencies) = arena.list(dependencies)
    }
}

extension NativeWork: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__NativeWork>) {
        anabranch__v1__native_work__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__NativeWork>) throws(WireError) {
        self.init(
            function: try Field.requiredText(message.pointee.function, "NativeWork.function"),
            parameters: Field.bytes(message.pointee.parameters),
            input: try Field.message(message.pointee.input),
            arguments: try Field.messages(
                message.pointee.n_arguments, message.pointee.arguments, "NativeWork.arguments"),
            output: message.pointee.output != 0)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__NativeWork>, _ arena: borrowing Arena) {
        arena.set(&message.pointee.function, function)
        message.pointee.parameters = arena.binary(parameters)
        message.pointee.input = arena.message(input)
        (message.pointee.n_arguments, message.pointee.arguments) = arena.list(arguments)
        message.pointee.output = output ? 1 : 0
    }
}
