import AnabranchCore
import CMessages

extension ClientHello: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__ClientHello>) {
        anabranch__v1__client_hello__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__ClientHello>) throws(WireError) {
        self.init(
            versions: try Field.requiredMessage(message.pointee.versions, "ClientHello.versions"),
            writer: Field.optionalIdentifier(message.pointee.writer),
            name: try Field.text(message.pointee.name, "ClientHello.name"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__ClientHello>, _ arena: borrowing Arena) {
        message.pointee.versions = arena.message(versions)
        message.pointee.writer = writer?.rawValue ?? 0
        arena.set(&message.pointee.name, name)
    }
}

extension ClientWelcome: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__ClientWelcome>) {
        anabranch__v1__client_welcome__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__ClientWelcome>) throws(WireError) {
        self.init(
            epoch: try Field.identifier(message.pointee.epoch, "ClientWelcome.epoch"),
            store: try Field.text(message.pointee.store, "ClientWelcome.store"),
            storeIdentity: try Field.text(message.pointee.store_identity, "ClientWelcome.store_identity"),
            inlineThreshold: message.pointee.inline_threshold,
            storeBudget: message.pointee.store_budget,
            events: try Field.text(message.pointee.events, "ClientWelcome.events"),
            versions: try Field.requiredMessage(message.pointee.versions, "ClientWelcome.versions"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__ClientWelcome>, _ arena: borrowing Arena) {
        message.pointee.epoch = epoch.rawValue
        arena.set(&message.pointee.store, store)
        arena.set(&message.pointee.store_identity, storeIdentity)
        message.pointee.inline_threshold = inlineThreshold
        message.pointee.store_budget = storeBudget
        arena.set(&message.pointee.events, events)
        message.pointee.versions = arena.message(versions)
    }
}

extension ControlError: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Error>) {
        anabranch__v1__error__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__Error>) throws(WireError) {
        self.init(
            code: try Field.known(message.pointee.code.rawValue, "Error.code"),
            message: try Field.text(message.pointee.message, "Error.message"),
            node: try Field.text(message.pointee.node, "Error.node"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Error>, _ arena: borrowing Arena) {
        message.pointee.code = Anabranch__V1__ErrorCode(UInt32(code.rawValue))
        arena.set(&message.pointee.message, self.message)
        arena.set(&message.pointee.node, node)
    }
}
