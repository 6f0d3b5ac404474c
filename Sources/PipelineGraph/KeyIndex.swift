/// Rows by number, found by the keys that they agree with.
///
/// Rows are grouped by the dimensions they have; per group, and per set of dimensions that somebody has asked with, a
/// map from projection to rows is kept (built when it is first asked for), so that a question costs its answer.
/// Row numbers must grow.
struct KeyIndex<Row: Keyed & Sendable>: Sendable {
    private(set) var rows: [UInt64: Row] = [:]
    private var groups: [Group] = []

    /// Rows that have the same dimensions.
    private struct Group: Sendable {
        let dimensions: [UInt32]
        var all = RowList()
        var projections: [Projection] = []
    }

    private struct Projection: Sendable {
        let dimensions: [UInt32]
        var lists: [CompactKey: RowList] = [:]
    }

    var count: Int { rows.count }

    /// How many groups of rows there are: bounds the `group` argument of `list`.
    var groupCount: Int { groups.count }

    subscript(row: UInt64) -> Row? { rows[row] }

    /// Changes the row in place; its key must stay.
    mutating func update<Answer>(_ row: UInt64, _ change: (inout Row) -> Answer) -> Answer? {
        guard let index = rows.index(forKey: row) else { return nil }
        return change(&rows.values[index])
    }

    mutating func insert(_ row: Row, number: UInt64) {
        let key = row.key
        rows[number] = row
        let group = groupIndex(of: key)
        groups[group].all.append(number)
        for index in groups[group].projections.indices {
            let projected = key.projected(onto: groups[group].projections[index].dimensions)
            groups[group].projections[index].lists[projected, default: RowList()].append(number)
        }
    }

    mutating func remove(_ number: UInt64) {
        guard let row = rows.removeValue(forKey: number) else { return }
        let group = groupIndex(of: row.key)
        groups[group].all.markDead()
        groups[group].all.compact { rows[$0] != nil }
        for index in groups[group].projections.indices {
            let projected = row.key.projected(onto: groups[group].projections[index].dimensions)
            guard let found = groups[group].projections[index].lists.index(forKey: projected) else { continue }
            groups[group].projections[index].lists.values[found].markDead()
            if groups[group].projections[index].lists.values[found].isEmpty {
                groups[group].projections[index].lists.remove(at: found)
            } else {
                groups[group].projections[index].lists.values[found].compact { rows[$0] != nil }
            }
        }
    }

    /// The rows of one group that agree with `probe`, ascending; removed rows may still stand among them.
    mutating func list(agreeingWith probe: CompactKey, group: Int) -> [UInt64] {
        let common = commonDimensions(probe, groups[group].dimensions)
        if common.isEmpty { return groups[group].all.numbers }
        let projection = projectionIndex(group: group, dimensions: common)
        return groups[group].projections[projection].lists[probe.projected(onto: common)]?.numbers ?? []
    }

    private func commonDimensions(_ probe: CompactKey, _ dimensions: [UInt32]) -> [UInt32] {
        var common: [UInt32] = []
        var j = 0
        for part in probe.parts {
            let dimension = CompactKey.dimension(part)
            while j < dimensions.count && dimensions[j] < dimension { j += 1 }
            if j == dimensions.count { break }
            if dimensions[j] == dimension { common.append(dimension) }
        }
        return common
    }

    private mutating func groupIndex(of key: CompactKey) -> Int {
        for index in groups.indices where key.hasDimensions(groups[index].dimensions) { return index }
        groups.append(Group(dimensions: key.dimensions))
        return groups.count - 1
    }

    private mutating func projectionIndex(group: Int, dimensions: [UInt32]) -> Int {
        for index in groups[group].projections.indices
        where groups[group].projections[index].dimensions == dimensions { return index }
        var projection = Projection(dimensions: dimensions)
        for number in groups[group].all.numbers {
            guard let row = rows[number] else { continue }
            projection.lists[row.key.projected(onto: dimensions), default: RowList()].append(number)
        }
        groups[group].projections.append(projection)
        return groups[group].projections.count - 1
    }
}
