/// What firings start from before models and variants: an entry (union), a combination (join), a group (gather).
struct FiringBase: Sendable {
    let node: Int
    let key: CompactKey
    /// Entries, item by item; `width` of them make an item.
    let entries: [UInt64]
    let width: Int
    /// For entries that no join holds: the edge of each, or one edge for all.
    let edges: [Int]
    /// For a join: the rows of the entries, in step with them.
    let rows: [UInt64]
    /// The entry that failed first; 0 when nothing did.
    let cause: UInt64
    /// Why it cannot run.
    let refusal: String?
    /// Cursors and running firings that use it.
    var uses = 0
    /// Its row among those that wait for models; 0 without a model edge, or when all models have come.
    var modelRow: UInt64 = 0
}
