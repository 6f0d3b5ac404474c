/// A key as the planner keeps it: each part is a dimension's ordinal (upper half) and a label's code (lower half), sorted.
///
/// Ordinals follow the order of dimensions, so parts stand in the order of `Key.parts`. `KeyCodec` translates.
struct CompactKey: Hashable, Sendable {
    private(set) var parts: [UInt64]

    static let empty = CompactKey(parts: [])

    static func part(_ dimension: UInt32, _ label: UInt32) -> UInt64 { UInt64(dimension) << 32 | UInt64(label) }
    static func dimension(_ part: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: part >> 32) }
    static func label(_ part: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: part) }

    /// Parts must be sorted, one a dimension.
    init(parts: [UInt64]) { self.parts = parts }

    var dimensions: [UInt32] { parts.map(Self.dimension) }

    func label(at dimension: UInt32) -> UInt32? {
        for part in parts where Self.dimension(part) == dimension { return Self.label(part) }
        return nil
    }

    func agrees(with other: CompactKey) -> Bool {
        var i = 0
        var j = 0
        while i < parts.count && j < other.parts.count {
            let a = parts[i]
            let b = other.parts[j]
            if a == b {
                i += 1
                j += 1
            } else if a >> 32 == b >> 32 {
                return false
            } else if a < b {
                i += 1
            } else {
                j += 1
            }
        }
        return true
    }

    /// The union, or nil when the keys disagree.
    func merged(with other: CompactKey) -> CompactKey? {
        if other.parts.isEmpty { return self }
        if parts.isEmpty { return other }
        var union: [UInt64] = []
        union.reserveCapacity(parts.count + other.parts.count)
        var i = 0
        var j = 0
        while i < parts.count && j < other.parts.count {
            let a = parts[i]
            let b = other.parts[j]
            if a == b {
                union.append(a)
                i += 1
                j += 1
            } else if a >> 32 == b >> 32 {
                return nil
            } else if a < b {
                union.append(a)
                i += 1
            } else {
                union.append(b)
                j += 1
            }
        }
        if i < parts.count { union.append(contentsOf: parts[i...]) }
        if j < other.parts.count { union.append(contentsOf: other.parts[j...]) }
        return CompactKey(parts: union)
    }

    /// With a part whose dimension this key lacks.
    func adding(_ part: UInt64) -> CompactKey {
        var added: [UInt64] = []
        added.reserveCapacity(parts.count + 1)
        var pending = true
        for existing in parts {
            if pending && part < existing {
                added.append(part)
                pending = false
            }
            added.append(existing)
        }
        if pending { added.append(part) }
        return CompactKey(parts: added)
    }

    /// On those of the `kept` dimensions (sorted) that this key has.
    func projected(onto kept: [UInt32]) -> CompactKey {
        var result: [UInt64] = []
        result.reserveCapacity(min(kept.count, parts.count))
        var j = 0
        for part in parts {
            let dimension = Self.dimension(part)
            while j < kept.count && kept[j] < dimension { j += 1 }
            if j == kept.count { break }
            if kept[j] == dimension { result.append(part) }
        }
        return result.count == parts.count ? self : CompactKey(parts: result)
    }

    /// Without the `gone` dimensions (sorted).
    func removing(_ gone: [UInt32]) -> CompactKey {
        if gone.isEmpty { return self }
        let kept = parts.filter { !gone.contains(Self.dimension($0)) }
        return kept.count == parts.count ? self : CompactKey(parts: kept)
    }

    func hasAll(_ dimensions: [UInt32]) -> Bool {
        var j = 0
        for part in parts where j < dimensions.count && Self.dimension(part) == dimensions[j] { j += 1 }
        return j == dimensions.count
    }

    func hasDimensions(_ dimensions: [UInt32]) -> Bool {
        guard parts.count == dimensions.count else { return false }
        for index in parts.indices where Self.dimension(parts[index]) != dimensions[index] { return false }
        return true
    }
}
