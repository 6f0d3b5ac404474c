import AnabranchCore
import DequeModule

/// Writers that have ended and of which nothing is left: the latest of them, so that memory stays bounded. Of one that ended
/// long before nobody speaks any more; if somebody did, its bytes would be missed when they are read.
struct GoneWriters: Hashable, Sendable {
    static let most = 65_536

    private var members: Set<WriterID> = []
    /// The first to have ended first.
    private var order: Deque<WriterID> = []

    var count: Int { members.count }

    func contains(_ writer: WriterID) -> Bool { members.contains(writer) }

    mutating func insert(_ writer: WriterID) {
        guard members.insert(writer).inserted else { return }
        order.append(writer)
        if order.count > Self.most { members.remove(order.removeFirst()) }
    }
}
