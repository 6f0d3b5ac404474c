/// An identifier that is a number and nothing else.
public protocol NumericIdentifier: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible
where RawValue == UInt64 {
    init(rawValue: UInt64)
    init(_ rawValue: UInt64)
}

extension NumericIdentifier {
    public init(_ rawValue: UInt64) { self.init(rawValue: rawValue) }
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    public var description: String { String(rawValue) }
}

/// One run (or session) of a coordinator; counts up from 1.
public struct RunID: NumericIdentifier {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One task of a coordinator, whatever its run; counts up from 1.
public struct TaskID: NumericIdentifier {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One worker as the coordinator numbered it at hello; counts up from 1.
public struct WorkerID: NumericIdentifier {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One store that workers see, as the coordinator numbered it; 0 is its own, which clients see too.
public struct StoreID: NumericIdentifier {
    public static let coordinator = StoreID(0)
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One connected client, numbered by the coordinator.
public struct ClientID: NumericIdentifier {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One life of a coordinator. Random; messages of another epoch are dropped.
public struct Epoch: NumericIdentifier {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// A process that writes objects (a client, a worker, a Python runtime). Random, never 0.
public struct WriterID: NumericIdentifier {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// An immutable object: who wrote it and the writer's count.
public struct ObjectID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let writer: WriterID
    public let sequence: UInt64

    public init(writer: WriterID, sequence: UInt64) {
        self.writer = writer
        self.sequence = sequence
    }

    public static func < (left: ObjectID, right: ObjectID) -> Bool {
        (left.writer, left.sequence) < (right.writer, right.sequence)
    }

    public var description: String { "\(String(writer.rawValue, radix: 16)).\(sequence)" }
}

/// One try at a task. Attempts count from 1.
public struct Attempt: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let task: TaskID
    public let number: UInt32

    public init(task: TaskID, number: UInt32) {
        self.task = task
        self.number = number
    }

    public static func < (left: Attempt, right: Attempt) -> Bool {
        (left.task, left.number) < (right.task, right.number)
    }

    public var description: String { "\(task)#\(number)" }
}
