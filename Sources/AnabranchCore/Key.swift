/// A small set of (dimension, label) pairs: how the engine knows which references belong together.
///
/// Parts are sorted by dimension and no dimension occurs twice; both are invariants of the type.
public struct Key: Hashable, Sendable {
    public struct Part: Hashable, Comparable, Sendable {
        public let dimension: Dimension
        public let label: Label

        public init(_ dimension: Dimension, _ label: Label) {
            self.dimension = dimension
            self.label = label
        }

        public static func < (left: Part, right: Part) -> Bool {
            left.dimension == right.dimension ? left.label < right.label : left.dimension < right.dimension
        }
    }

    public let parts: [Part]

    public static let empty = Key(sorted: [])

    private init(sorted parts: [Part]) { self.parts = parts }

    /// The key of these parts in any order, or nil when a dimension occurs twice.
    public init?(_ parts: some Sequence<Part>) {
        let sorted = parts.sorted()
        for (left, right) in zip(sorted, sorted.dropFirst()) where left.dimension == right.dimension { return nil }
        self.parts = sorted
    }

    public var isEmpty: Bool { parts.isEmpty }

    public var dimensions: [Dimension] { parts.map(\.dimension) }

    public subscript(dimension: Dimension) -> Label? {
        parts.first { $0.dimension == dimension }?.label
    }

    /// Equal labels on every dimension that both have; a dimension that one lacks constrains nothing.
    public func agrees(with other: Key) -> Bool {
        var i = 0
        var j = 0
        while i < parts.count && j < other.parts.count {
            let a = parts[i]
            let b = other.parts[j]
            if a.dimension == b.dimension {
                if a.label != b.label { return false }
                i += 1
                j += 1
            } else if a.dimension < b.dimension {
                i += 1
            } else {
                j += 1
            }
        }
        return true
    }

    /// The union of two keys, or nil when they disagree.
    public func merged(with other: Key) -> Key? {
        if other.parts.isEmpty { return self }
        if parts.isEmpty { return other }
        var merged: [Part] = []
        merged.reserveCapacity(parts.count + other.parts.count)
        var i = 0
        var j = 0
        while i < parts.count && j < other.parts.count {
            let a = parts[i]
            let b = other.parts[j]
            if a.dimension == b.dimension {
                if a.label != b.label { return nil }
                merged.append(a)
                i += 1
                j += 1
            } else if a.dimension < b.dimension {
                merged.append(a)
                i += 1
            } else {
                merged.append(b)
                j += 1
            }
        }
        merged.append(contentsOf: parts[i...])
        merged.append(contentsOf: other.parts[j...])
        return Key(sorted: merged)
    }

    /// This key with `label` at `dimension`, replacing what stood there.
    public func setting(_ dimension: Dimension, to label: Label) -> Key {
        var changed = parts.filter { $0.dimension != dimension }
        let part = Part(dimension, label)
        changed.insert(part, at: changed.firstIndex { part < $0 } ?? changed.endIndex)
        return Key(sorted: changed)
    }

    /// This key without the dimensions that `gone` names.
    public func removing(where gone: (Dimension) -> Bool) -> Key {
        Key(sorted: parts.filter { !gone($0.dimension) })
    }

    /// This key on the dimensions that `kept` names, and no others.
    public func projected(where kept: (Dimension) -> Bool) -> Key { removing { !kept($0) } }
}

extension Key: Comparable {
    /// Part by part; a key that is another's beginning comes first.
    public static func < (left: Key, right: Key) -> Bool { left.parts.lexicographicallyPrecedes(right.parts) }
}

extension Key: CustomStringConvertible {
    /// `carrier=AA,fold=2`, as the command line takes it.
    public var description: String {
        parts.map { "\($0.dimension.shortName)=\($0.label)" }.joined(separator: ",")
    }
}
