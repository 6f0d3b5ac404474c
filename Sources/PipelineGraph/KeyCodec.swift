import AnabranchCore

/// Interns the dimensions of a plan, all known from its start, and the labels as they come.
struct KeyCodec: Sendable {
    /// Sorted; an ordinal is an index into it.
    let dimensions: [Dimension]
    private let ordinals: [Dimension: UInt32]
    private var labels: [Label] = []
    private var codes: [Label: UInt32] = [:]

    /// Codes from here on are indices of `labels`; those below are the integers themselves.
    static let interned: UInt32 = 1 << 31

    init(dimensions: some Sequence<Dimension>) {
        self.dimensions = Set(dimensions).sorted()
        ordinals = Dictionary(uniqueKeysWithValues: self.dimensions.enumerated().map { ($1, UInt32($0)) })
    }

    func ordinal(_ dimension: Dimension) -> UInt32 {
        guard let ordinal = ordinals[dimension] else {
            preconditionFailure("The plan has no dimension \(dimension)")
        }
        return ordinal
    }

    func ordinals(_ dimensions: some Sequence<Dimension>) -> [UInt32] { dimensions.map(ordinal).sorted() }

    mutating func code(_ label: Label) -> UInt32 {
        if case .integer(let value) = label, value >= 0, value < Int64(Self.interned) { return UInt32(value) }
        if let code = codes[label] { return code }
        let code = Self.interned + UInt32(labels.count)
        labels.append(label)
        codes[label] = code
        return code
    }

    func label(_ code: UInt32) -> Label {
        code < Self.interned ? .integer(Int64(code)) : labels[Int(code - Self.interned)]
    }

    mutating func encode(_ key: Key) -> CompactKey {
        CompactKey(parts: key.parts.map { CompactKey.part(ordinal($0.dimension), code($0.label)) })
    }

    func decode(_ key: CompactKey) -> Key {
        let parts = key.parts.map {
            Key.Part(dimensions[Int(CompactKey.dimension($0))], label(CompactKey.label($0)))
        }
        guard let decoded = Key(parts) else { preconditionFailure("A compact key has a dimension twice") }
        return decoded
    }

    /// The order of `Key`.
    func precedes(_ left: CompactKey, _ right: CompactKey) -> Bool {
        for (a, b) in zip(left.parts, right.parts) where a != b {
            let (codeA, codeB) = (CompactKey.label(a), CompactKey.label(b))
            if a >> 32 != b >> 32 || (codeA < Self.interned && codeB < Self.interned) { return a < b }
            return label(codeA) < label(codeB)
        }
        return left.parts.count < right.parts.count
    }
}
