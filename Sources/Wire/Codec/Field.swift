import AnabranchCore
import CMessages
import CProtobufC

/// Reading single fields of unpacked messages. Each names the field in its error.
enum Field {
    static func invalid(_ field: StaticString, _ reason: String) -> WireError {
        .invalid(field: field.description, reason: reason)
    }

    /// The default of every text field; not a block of an arena.
    nonisolated(unsafe) private static let emptyText: UnsafeMutablePointer<CChar>? = {
        var dimension = Anabranch__V1__Dimension()
        anabranch__v1__dimension__init(&dimension)
        return dimension.owner
    }()

    static func text(
        _ pointer: UnsafeMutablePointer<CChar>?, _ field: StaticString
    ) throws(WireError) -> String {
        guard let pointer, pointer != emptyText else { return "" }
        let count = Arena.size(of: pointer) - 1
        if count == 0 { return "" }
        let utf8 = UnsafeRawBufferPointer(start: pointer, count: count).bindMemory(to: UInt8.self)
        guard let text = String(validating: utf8, as: UTF8.self) else { throw invalid(field, "is not UTF-8") }
        if utf8.contains(0) { throw invalid(field, "has a NUL in it") }
        return text
    }

    static func requiredText(
        _ pointer: UnsafeMutablePointer<CChar>?, _ field: StaticString
    ) throws(WireError) -> String {
        let value = try text(pointer, field)
        if value.isEmpty { throw invalid(field, "is empty") }
        return value
    }

    static func texts(
        _ count: Int, _ first: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ field: StaticString
    ) throws(WireError) -> [String] {
        var values: [String] = []
        values.reserveCapacity(count)
        for pointer in UnsafeBufferPointer(start: first, count: count) { values.append(try text(pointer, field)) }
        return values
    }

    static func bytes(_ data: ProtobufCBinaryData) -> [UInt8] {
        data.len == 0 ? [] : [UInt8](UnsafeBufferPointer(start: data.data, count: data.len))
    }

    static func numbers(_ count: Int, _ first: UnsafeMutablePointer<UInt64>?) -> UnsafeBufferPointer<UInt64> {
        UnsafeBufferPointer(start: first, count: count)
    }

    /// An enumeration whose value this version knows.
    static func known<Value: RawRepresentable>(
        _ raw: UInt32, _ field: StaticString
    ) throws(WireError) -> Value where Value.RawValue == UInt8 {
        guard let small = UInt8(exactly: raw), let value = Value(rawValue: small) else {
            throw invalid(field, "has the unknown value \(raw)")
        }
        return value
    }

    /// An identifier; 0 is none.
    static func identifier<ID: NumericIdentifier>(_ raw: UInt64, _ field: StaticString) throws(WireError) -> ID {
        if raw == 0 { throw invalid(field, "is 0") }
        return ID(rawValue: raw)
    }

    static func optionalIdentifier<ID: NumericIdentifier>(_ raw: UInt64) -> ID? { raw == 0 ? nil : ID(rawValue: raw) }

    static func identifiers<ID: NumericIdentifier>(
        _ count: Int, _ first: UnsafeMutablePointer<UInt64>?, _ field: StaticString
    ) throws(WireError) -> [ID] {
        var values: [ID] = []
        values.reserveCapacity(count)
        for raw in numbers(count, first) { values.append(try identifier(raw, field)) }
        return values
    }

    static func message<Value: MappedValue>(
        _ pointer: UnsafeMutablePointer<Value.CMessage>?
    ) throws(WireError) -> Value? {
        guard let pointer else { return nil }
        return try Value(UnsafePointer(pointer))
    }

    static func requiredMessage<Value: MappedValue>(
        _ pointer: UnsafeMutablePointer<Value.CMessage>?, _ field: StaticString
    ) throws(WireError) -> Value {
        guard let pointer else { throw invalid(field, "is missing") }
        return try Value(UnsafePointer(pointer))
    }

    static func messages<Value: MappedValue>(
        _ count: Int, _ first: UnsafeMutablePointer<UnsafeMutablePointer<Value.CMessage>?>?, _ field: StaticString
    ) throws(WireError) -> [Value] {
        if count == 0 { return [] }
        var values: [Value] = []
        values.reserveCapacity(count)
        for pointer in UnsafeBufferPointer(start: first, count: count) {
            values.append(try requiredMessage(pointer, field))
        }
        return values
    }
}
