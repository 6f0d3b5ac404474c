import AnabranchCore
import CMessages

extension ObjectID: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__ObjectId>) {
        anabranch__v1__object_id__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__ObjectId>) throws(WireError) {
        if message.pointee.sequence == 0 { throw Field.invalid("ObjectId.sequence", "is 0") }
        self.init(
            writer: try Field.identifier(message.pointee.writer, "ObjectId.writer"),
            sequence: message.pointee.sequence)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__ObjectId>, _ arena: borrowing Arena) {
        message.pointee.writer = writer.rawValue
        message.pointee.sequence = sequence
    }
}

extension ObjectRef: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__ObjectRef>) {
        anabranch__v1__object_ref__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__ObjectRef>) throws(WireError) {
        if message.pointee.sequence == 0 { throw Field.invalid("ObjectRef.sequence", "is 0") }
        let id = ObjectID(
            writer: try Field.identifier(message.pointee.writer, "ObjectRef.writer"),
            sequence: message.pointee.sequence)
        let length = message.pointee.length
        let location: Location
        if message.pointee.segment == 0 {
            guard UInt64(message.pointee.inline_bytes.len) == length, message.pointee.offset == 0 else {
                throw Field.invalid("ObjectRef.inline_bytes", "of \(id) are not \(length) bytes at offset 0")
            }
            location = .inline(Field.bytes(message.pointee.inline_bytes))
        } else {
            let offset = message.pointee.offset
            guard message.pointee.inline_bytes.len == 0 else {
                throw Field.invalid("ObjectRef.inline_bytes", "of \(id) stand beside a segment")
            }
            // Files have signed sizes.
            guard offset % 64 == 0, offset <= UInt64(Int64.max), length <= UInt64(Int64.max) - offset else {
                throw Field.invalid("ObjectRef.offset", "\(offset), \(length) bytes long, of \(id) is in no segment")
            }
            location = .segment(message.pointee.segment, offset: offset)
        }
        self.init(
            id: id, encoding: try Field.known(message.pointee.encoding.rawValue, "ObjectRef.encoding"),
            length: length, location: location)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__ObjectRef>, _ arena: borrowing Arena) {
        message.pointee.writer = id.writer.rawValue
        message.pointee.sequence = id.sequence
        message.pointee.encoding = Anabranch__V1__Encoding(UInt32(encoding.rawValue))
        message.pointee.length = length
        switch location {
        case .inline(let bytes):
            message.pointee.inline_bytes = arena.binary(bytes)
        case .segment(let segment, let offset):
            message.pointee.segment = segment
            message.pointee.offset = offset
        }
    }
}
