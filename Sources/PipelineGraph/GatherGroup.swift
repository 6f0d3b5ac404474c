/// Members of a gather that share what remains of their keys.
struct GatherGroup: Sendable {
    struct Member: Sendable {
        let key: CompactKey
        let entries: [UInt64]
        let edge: Int
        /// For a join: the rows of the entries.
        let rows: [UInt64]
    }

    let node: Int
    let key: CompactKey
    var members: [Member] = []
    /// Failed ones included.
    var arrived = 0
    /// Nil until it is known.
    var expected: Int?
    /// The member's failure that came first; 0 when none did.
    var cause: UInt64 = 0
    var refusal: String?
}
