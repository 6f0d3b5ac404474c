import AnabranchCore

/// Cuts `Data` into index views: the rows themselves are not copied.
struct RowSplitting {
    let data: Data
    let rowCount: Int
    private let call: NativeCall
    /// Row indices that views have already, by the object that holds them.
    private var known: [ObjectID: [Int]] = [:]

    init(_ data: Data, _ call: NativeCall) throws {
        self.data = data
        self.call = call
        rowCount = try call.rowCount(of: data)
        let views = [data.x, data.y, data.sampleWeight, data.groups, data.rowIDs].compactMap(\.self)
        for ref in views.compactMap(\.rows) where known[ref.id] == nil {
            let indices = try call.rowIndices(ref)
            guard indices.count == rowCount else {
                throw call.refusal("row indices \(ref.id) are \(indices.count), X has \(rowCount) rows")
            }
            known[ref.id] = indices
        }
    }

    /// These rows, counted within `data`. Views that showed the same rows still do.
    func rows(_ positions: [Int]) throws -> Data {
        let reference = try call.writeTensor(positions.map(Int64.init))
        var composed: [ObjectID: ObjectRef] = [:]
        for (id, indices) in known {
            composed[id] = try call.writeTensor(positions.map { Int64(indices[$0]) })
        }
        func cut(_ view: View) -> View {
            View(object: view.object, rows: view.rows.flatMap { composed[$0.id] } ?? reference)
        }
        return Data(
            x: cut(data.x), y: data.y.map(cut), sampleWeight: data.sampleWeight.map(cut), groups: data.groups.map(cut),
            rowIDs: data.rowIDs.map(cut), positions: reference)
    }

    /// The ranges of `count` parts whose lengths differ by one at most, the longer first.
    func ranges(_ count: Int) -> [Range<Int>] {
        var start = 0
        return (0..<count).map { index in
            let length = rowCount / count + (index < rowCount % count ? 1 : 0)
            defer { start += length }
            return start..<start + length
        }
    }
}
