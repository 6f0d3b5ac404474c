import AnabranchCore
import CMessages

extension View: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__View>) { anabranch__v1__view__init(message) }

    init(_ message: UnsafePointer<Anabranch__V1__View>) throws(WireError) {
        self.init(
            object: try Field.requiredMessage(message.pointee.object, "View.object"),
            rows: try Field.message(message.pointee.rows))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__View>, _ arena: borrowing Arena) {
        message.pointee.object = arena.message(object)
        message.pointee.rows = arena.message(rows)
    }
}

extension Data: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__Data>) { anabranch__v1__data__init(message) }

    init(_ message: UnsafePointer<Anabranch__V1__Data>) throws(WireError) {
        self.init(
            x: try Field.requiredMessage(message.pointee.x, "Data.x"),
            y: try Field.message(message.pointee.y),
            sampleWeight: try Field.message(message.pointee.sample_weight),
            groups: try Field.message(message.pointee.groups),
            rowIDs: try Field.message(message.pointee.row_ids),
            positions: try Field.message(message.pointee.positions))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__Data>, _ arena: borrowing Arena) {
        message.pointee.x = arena.message(x)
        message.pointee.y = arena.message(y)
        message.pointee.sample_weight = arena.message(sampleWeight)
        message.pointee.groups = arena.message(groups)
        message.pointee.row_ids = arena.message(rowIDs)
        message.pointee.positions = arena.message(positions)
    }
}
