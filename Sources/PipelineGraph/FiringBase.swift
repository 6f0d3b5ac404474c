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

/// Firings of one base (and one model) that are ready: one per variant, made when they are pulled.
struct FiringCursor: Sendable {
    let base: Int
    /// The model's row and entry; 0 without a model edge.
    let modelRow: UInt64
    let model: UInt64
    let key: CompactKey
    let cause: UInt64
    /// Nil: one firing, without a variant of its own to choose.
    let labels: Candidates.Labels?
    var position = 0

    /// The next firing's label of the node's own variants.
    var label: UInt32? { labels?[position] }

    var remaining: Int { (labels?.count ?? 1) - position }
}

/// Combinations that are ready to be made into bases (or pairs of base and model).
struct CombinationCursor: Sendable {
    let node: Int
    let stage: JoinStage
    var cursor: RowJoin.Cursor
}

/// A node may join twice: its edges with each other, and the outcome with its models.
enum JoinStage: Int, Sendable {
    case edges = 0
    case models = 1
}
