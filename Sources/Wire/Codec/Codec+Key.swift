import AnabranchCore
import CMessages

extension Dimension: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Dimension>) {
        anabranch__v1__dimension__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__Dimension>) throws(WireError) {
        self.init(
            kind: try Field.known(message.pointee.kind.rawValue, "Dimension.kind"),
            owner: try Field.requiredText(message.pointee.owner, "Dimension.owner"),
            positional: message.pointee.positional != 0)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Dimension>, _ arena: borrowing Arena) {
        message.pointee.kind = Anabranch__V1__DimensionKind(UInt32(kind.rawValue))
        arena.set(&message.pointee.owner, owner)
        message.pointee.positional = positional ? 1 : 0
    }
}

extension Key.Part: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__KeyPart>) {
        anabranch__v1__key_part__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__KeyPart>) throws(WireError) {
        let dimension: Dimension = try Field.requiredMessage(message.pointee.dimension, "KeyPart.dimension")
        switch message.pointee.label_case {
        case ANABRANCH__V1__KEY_PART__LABEL_INTEGER:
            self.init(dimension, .integer(message.pointee.integer))
        case ANABRANCH__V1__KEY_PART__LABEL_TEXT:
            self.init(dimension, .text(try Field.text(message.pointee.text, "KeyPart.text")))
        default:
            throw Field.invalid("KeyPart.label", "is missing")
        }
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__KeyPart>, _ arena: borrowing Arena) {
        message.pointee.dimension = arena.message(dimension)
        switch label {
        case .integer(let value):
            message.pointee.label_case = ANABRANCH__V1__KEY_PART__LABEL_INTEGER
            message.pointee.integer = value
        case .text(let value):
            message.pointee.label_case = ANABRANCH__V1__KEY_PART__LABEL_TEXT
            message.pointee.text = arena.text(value)
        }
    }
}

extension Key: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Key>) { anabranch__v1__key__init(message) }

    init(_ message: UnsafePointer<Anabranch__V1__Key>) throws(WireError) {
        let parts: [Part] = try Field.messages(message.pointee.n_parts, message.pointee.parts, "Key.parts")
        for (left, right) in zip(parts, parts.dropFirst()) where left.dimension >= right.dimension {
            throw Field.invalid("Key.parts", "are not sorted, or name \(right.dimension) twice")
        }
        guard let key = Key(parts) else { throw Field.invalid("Key.parts", "name a dimension twice") }
        self = key
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Key>, _ arena: borrowing Arena) {
        (message.pointee.n_parts, message.pointee.parts) = arena.list(parts)
    }

    /// Absent is the empty key; the empty key is not sent.
    static func decode(_ message: UnsafeMutablePointer<Anabranch__V1__Key>?) throws(WireError) -> Key {
        try Field.message(message) ?? .empty
    }

    func encode(_ arena: borrowing Arena) -> UnsafeMutablePointer<Anabranch__V1__Key>? {
        isEmpty ? nil : arena.message(self)
    }
}
