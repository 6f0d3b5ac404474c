/// Combinations that are ready to be made into bases (or pairs of base and model).
struct CombinationCursor: Sendable {
    let node: Int
    let stage: JoinStage
    var cursor: RowJoin.Cursor
}
