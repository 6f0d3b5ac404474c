import AnabranchCore
import CMessages

/// One item of an input: a `Data` per edge.
private struct InputItem: MappedValue {
    let edges: [Data]

    init(edges: [Data]) { self.edges = edges }

    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__InputItem>) {
        anabranch__v1__input_item__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__InputItem>) throws(WireError) {
        edges = try Field.messages(message.pointee.n_edges, message.pointee.edges, "InputItem.edges")
        if edges.isEmpty { throw Field.invalid("InputItem.edges", "are missing") }
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__InputItem>, _ arena: borrowing Arena) {
        (message.pointee.n_edges, message.pointee.edges) = arena.list(edges)
    }
}

extension Input: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Input>) {
        anabranch__v1__input__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__Input>) throws(WireError) {
        let form: InputForm = try Field.known(message.pointee.form.rawValue, "Input.form")
        let items: [InputItem] = try Field.messages(message.pointee.n_items, message.pointee.items, "Input.items")
        if items.isEmpty { throw Field.invalid("Input.items", "are missing") }
        switch form {
        case .single where items.count != 1 || items[0].edges.count != 1:
            throw Field.invalid("Input.items", "are not one item with one edge, as the form asks")
        case .edges where items.count != 1:
            throw Field.invalid("Input.items", "are \(items.count), the form asks for one")
        default:
            self.init(form: form, items: items.map(\.edges))
        }
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Input>, _ arena: borrowing Arena) {
        message.pointee.form = Anabranch__V1__InputForm(UInt32(form.rawValue))
        (message.pointee.n_items, message.pointee.items) = arena.list(items.map { InputItem(edges: $0) })
    }
}

extension Variant: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Variant>) {
        anabranch__v1__variant__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__Variant>) throws(WireError) {
        self.init(
            list: try Field.requiredMessage(message.pointee.list, "Variant.list"), index: message.pointee.index)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Variant>, _ arena: borrowing Arena) {
        message.pointee.list = arena.message(list)
        message.pointee.index = index
    }
}
