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
