import AnabranchCore

extension ObjectCatalog {
    /// What the parts of the catalog must say of each other; run after every event in tests.
    ///
    /// - Throws: `CatalogInconsistency` with the first contradiction.
    public func validate() throws(CatalogInconsistency) {
        var held: [ObjectID: UInt64] = [:]
        for counts in holdings.values { for (id, count) in counts { held[id, default: 0] += count } }
        var viewed: [ObjectID: UInt64] = [:]
        for ids in views.values { for id in ids { viewed[id, default: 0] += 1 } }
        var standing: [WriterID: [UInt32: UInt64]] = [:]
        var bytes: UInt64 = 0
        for (id, record) in objects {
            guard record.isNeeded else { throw CatalogInconsistency("object \(id) is listed and nobody needs it") }
            guard record.holdings == held[id] ?? 0 else {
                throw CatalogInconsistency(
                    "object \(id) counts \(record.holdings) holdings, clients have \(held[id] ?? 0)")
            }
            guard record.views == viewed[id] ?? 0 else {
                throw CatalogInconsistency("object \(id) counts \(record.views) views, holders have \(viewed[id] ?? 0)")
            }
            bytes &+= record.length
            standing[id.writer, default: [:]][record.segment, default: 0] += 1
        }
        guard Set(held.keys).union(viewed.keys).isSubset(of: objects.keys) else {
            throw CatalogInconsistency("a client or a holder has an object that is not listed")
        }
        guard bytes == totalBytes else {
            throw CatalogInconsistency("\(bytes) bytes are needed, \(totalBytes) are counted")
        }
        for (id, writer) in writers where writer.objects != standing[id] ?? [:] {
            throw CatalogInconsistency(
                "the segments of writer \(id) count \(writer.objects), not \(standing[id] ?? [:])")
        }
    }
}

/// Two parts of an object catalog contradict each other.
public struct CatalogInconsistency: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
