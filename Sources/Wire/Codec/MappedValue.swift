import CProtobufC

/// A value with a protobuf-c struct of its own. The two directions of the mapping are the only code that sees the struct.
protocol MappedValue {
    associatedtype CMessage

    /// Sets every field to its default.
    static func initialize(_ message: UnsafeMutablePointer<CMessage>)

    /// Reads what a peer sent: checks everything that the type promises.
    init(_ message: UnsafePointer<CMessage>) throws(WireError)

    /// Fills an initialised struct; whatever it points to is in the arena.
    func fill(_ message: UnsafeMutablePointer<CMessage>, _ arena: borrowing Arena)
}

extension Arena {
    /// The struct of a value, ready to be packed.
    func packable<Value: MappedValue>(_ value: Value) -> UnsafeMutablePointer<Value.CMessage> {
        let message = allocate(MemoryLayout<Value.CMessage>.size).bindMemory(to: Value.CMessage.self, capacity: 1)
        Value.initialize(message)
        value.fill(message, self)
        return message
    }

    /// The struct that a field points to; nil leaves the field out.
    func message<Value: MappedValue>(_ value: Value?) -> UnsafeMutablePointer<Value.CMessage>? {
        value.map { packable($0) }
    }

    /// Count and pointers of a repeated field.
    func list<Value: MappedValue>(
        _ values: [Value]
    ) -> (Int, UnsafeMutablePointer<UnsafeMutablePointer<Value.CMessage>?>?) {
        if values.isEmpty { return (0, nil) }
        let count = values.count
        let pointers = allocate(count * MemoryLayout<UnsafeMutableRawPointer?>.stride)
            .bindMemory(to: UnsafeMutablePointer<Value.CMessage>?.self, capacity: count)
        let messages = allocate(count * MemoryLayout<Value.CMessage>.stride)
            .bindMemory(to: Value.CMessage.self, capacity: count)
        for index in 0..<count {
            let message = messages + index
            Value.initialize(message)
            values[index].fill(message, self)
            (pointers + index).initialize(to: message)
        }
        return (count, pointers)
    }

    func list(_ texts: [String]) -> (Int, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) {
        if texts.isEmpty { return (0, nil) }
        let pointers = allocate(texts.count * MemoryLayout<UnsafeMutableRawPointer?>.stride)
            .bindMemory(to: UnsafeMutablePointer<CChar>?.self, capacity: texts.count)
        for (index, value) in texts.enumerated() { (pointers + index).initialize(to: text(value)) }
        return (texts.count, pointers)
    }

    func list(_ numbers: some Collection<UInt64>) -> (Int, UnsafeMutablePointer<UInt64>?) {
        if numbers.isEmpty { return (0, nil) }
        let values = allocate(numbers.count * MemoryLayout<UInt64>.stride)
            .bindMemory(to: UInt64.self, capacity: numbers.count)
        for (index, number) in numbers.enumerated() { (values + index).initialize(to: number) }
        return (numbers.count, values)
    }

    /// A terminated copy. C ends a text at its first NUL, so one inside becomes U+2400, the picture of a NUL.
    func text(_ value: String) -> UnsafeMutablePointer<CChar> {
        var value = value
        if value.utf8.contains(0) {
            value = String(String.UnicodeScalarView(value.unicodeScalars.map { $0 == "\0" ? "\u{2400}" : $0 }))
        }
        return value.withUTF8 { utf8 in
            let copy = allocate(utf8.count + 1)
            if let start = utf8.baseAddress { copy.copyMemory(from: start, byteCount: utf8.count) }
            copy.storeBytes(of: 0, toByteOffset: utf8.count, as: UInt8.self)
            return copy.bindMemory(to: CChar.self, capacity: utf8.count + 1)
        }
    }

    /// Sets a text field; an empty one keeps its default, which is not sent.
    func set(_ field: inout UnsafeMutablePointer<CChar>?, _ value: String) {
        if !value.isEmpty { field = text(value) }
    }

    func binary(_ bytes: [UInt8]) -> ProtobufCBinaryData {
        if bytes.isEmpty { return ProtobufCBinaryData(len: 0, data: nil) }
        let copy = allocate(bytes.count).bindMemory(to: UInt8.self, capacity: bytes.count)
        bytes.withUnsafeBufferPointer { copy.initialize(from: $0.baseAddress!, count: bytes.count) }
        return ProtobufCBinaryData(len: bytes.count, data: copy)
    }
}
