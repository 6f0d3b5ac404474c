/// How an object's bytes are laid out; `docs/store.md` has the layouts.
public enum Encoding: UInt8, Hashable, Sendable {
    case tensor = 1
    case arrow = 2
    case pickle5 = 3
    /// A stand-in: another program keeps the bytes, and gives them on the host of the store.
    case elsewhere = 4
}

/// Where an object's bytes are.
public enum Location: Hashable, Sendable {
    /// In the reference itself.
    case inline([UInt8])
    /// In the segment file of the object's writer with this number (from 1), at this offset (bytes, a multiple of 64).
    case segment(UInt32, offset: UInt64)
}

/// Names immutable bytes in the store. Exists only once the bytes are complete.
public struct ObjectRef: Hashable, Sendable {
    public let id: ObjectID
    public let encoding: Encoding
    /// Bytes.
    public let length: UInt64
    public let location: Location

    public init(id: ObjectID, encoding: Encoding, length: UInt64, location: Location) {
        self.id = id
        self.encoding = encoding
        self.length = length
        self.location = location
    }

    public var isInline: Bool {
        if case .inline = location { true } else { false }
    }
}

/// `object` seen through `rows` (an int64 tensor of row indices); all rows when nil.
///
/// Two views are the same when both references are: that is how y is known to belong to several inputs alike.
public struct View: Hashable, Sendable {
    public var object: ObjectRef
    public var rows: ObjectRef?

    public init(object: ObjectRef, rows: ObjectRef? = nil) {
        self.object = object
        self.rows = rows
    }
}

/// What one keyed reference carries: X and what belongs to its rows.
public struct Data: Hashable, Sendable {
    public var x: View
    public var y: View?
    public var sampleWeight: View?
    public var groups: View?
    public var rowIDs: View?
    /// Positions of these rows in the input of the splitter that cut them (int64 tensor).
    public var positions: ObjectRef?

    public init(
        x: View, y: View? = nil, sampleWeight: View? = nil, groups: View? = nil, rowIDs: View? = nil,
        positions: ObjectRef? = nil
    ) {
        self.x = x
        self.y = y
        self.sampleWeight = sampleWeight
        self.groups = groups
        self.rowIDs = rowIDs
        self.positions = positions
    }

    /// Every object that this names, row indices included, one at a time.
    public func forEachReference(_ body: (ObjectRef) -> Void) {
        for view in [x, y, sampleWeight, groups, rowIDs] {
            guard let view else { continue }
            body(view.object)
            if let rows = view.rows { body(rows) }
        }
        if let positions { body(positions) }
    }
}
