import AnabranchCore

/// The candidate relation: which combinations of labels are wanted. Rows are indexed by their projection onto the
/// dimensions that a key has, when a key with such dimensions first asks; no firing scans them.
struct Candidates: Sendable {
    /// Labels 0 ..< count of a variant dimension, or just some of them, ascending.
    enum Labels: Sendable {
        case all(UInt32)
        case some([UInt32])

        var count: Int {
            switch self {
            case .all(let count): Int(count)
            case .some(let labels): labels.count
            }
        }

        subscript(position: Int) -> UInt32 {
            switch self {
            case .all: UInt32(position)
            case .some(let labels): labels[position]
            }
        }
    }

    /// Rows that name the same dimensions.
    private struct Group: Sendable {
        let dimensions: [UInt32]
        var rows: [CompactKey] = []
        var projections: [(dimensions: [UInt32], keys: Set<CompactKey>)] = []
        var labelings: [(dimensions: [UInt32], of: UInt32, labels: [CompactKey: [UInt32]])] = []
    }

    /// Nil: everything is wanted.
    private var groups: [Group]?

    init(_ rows: [CompactKey]?) {
        guard let rows else { return }
        var groups: [Group] = []
        for row in rows {
            if let last = groups.indices.last, row.hasDimensions(groups[last].dimensions) {
                groups[last].rows.append(row)
            } else if let index = groups.firstIndex(where: { row.hasDimensions($0.dimensions) }) {
                groups[index].rows.append(row)
            } else {
                groups.append(Group(dimensions: row.dimensions, rows: [row]))
            }
        }
        self.groups = groups
    }

    var constrain: Bool { groups != nil }

    mutating func agree(with key: CompactKey) -> Bool {
        guard let groups else { return true }
        for index in groups.indices {
            let common = groups[index].dimensions.filter { key.label(at: $0) != nil }
            if common.isEmpty { return true }
            if agree(with: key, group: index, on: common) { return true }
        }
        return false
    }

    /// The labels of `dimension`, which the key lacks, with which the key agrees with a row.
    mutating func labels(of dimension: UInt32, count: UInt32, for key: CompactKey) -> Labels {
        guard let groups else { return .all(count) }
        var found: [[UInt32]] = []
        for index in groups.indices {
            let common = groups[index].dimensions.filter { key.label(at: $0) != nil }
            guard groups[index].dimensions.contains(dimension) else {
                if common.isEmpty || agree(with: key, group: index, on: common) { return .all(count) }
                continue
            }
            let labels = labels(of: dimension, group: index, on: common, for: key)
            if !labels.isEmpty { found.append(labels) }
        }
        let united = found.count == 1 ? found[0] : Set(found.joined()).sorted()
        guard let last = united.last, last >= count else { return .some(united) }
        return .some(united.filter { $0 < count })
    }

    private mutating func agree(with key: CompactKey, group: Int, on common: [UInt32]) -> Bool {
        let projected = key.projected(onto: common)
        guard let known = groups?[group].projections.firstIndex(where: { $0.dimensions == common }) else {
            let keys = Set(groups?[group].rows.map { $0.projected(onto: common) } ?? [])
            groups?[group].projections.append((common, keys))
            return keys.contains(projected)
        }
        return groups?[group].projections[known].keys.contains(projected) ?? false
    }

    private mutating func labels(
        of dimension: UInt32, group: Int, on common: [UInt32], for key: CompactKey
    ) -> [UInt32] {
        let projected = key.projected(onto: common)
        if let known = groups?[group].labelings.firstIndex(where: { $0.of == dimension && $0.dimensions == common }) {
            return groups?[group].labelings[known].labels[projected] ?? []
        }
        var labels: [CompactKey: [UInt32]] = [:]
        for row in groups?[group].rows ?? [] {
            guard let label = row.label(at: dimension) else { continue }
            labels[row.projected(onto: common), default: []].append(label)
        }
        labels = labels.mapValues { Set($0).sorted() }
        groups?[group].labelings.append((common, dimension, labels))
        return labels[projected] ?? []
    }
}
