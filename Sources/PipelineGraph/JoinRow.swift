/// A row that takes part in a join: an entry on its edge, or what a firing starts from, waiting for models.
struct JoinRow: Keyed, Sendable {
    let key: CompactKey
    /// The entry's id, or the base's number.
    let owner: UInt64
    /// The entry whose failure the row carries; 0 when it is well.
    let cause: UInt64
    /// Combinations made of it so far.
    var made = 0
    /// Of these, the ones not yet done with.
    var alive = 0
    /// How many there will be, once that is known.
    var expected: Int?
    /// A splitter must end before what is asked about the row can be answered.
    var isWaiting = false
}
