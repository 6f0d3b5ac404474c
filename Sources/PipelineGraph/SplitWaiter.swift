/// A question that waits until splitters have ended.
struct SplitWaiter: Sendable {
    enum Question: Sendable {
        case row(node: Int, JoinStage, side: Int, UInt64)
        case group(Int)
    }

    let question: Question
    var remaining: Int
}
