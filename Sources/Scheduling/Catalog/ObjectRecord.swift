import AnabranchCore

/// An object that somebody needs: how large it is, where it stands, and who needs it.
struct ObjectRecord: Hashable, Sendable {
    /// Bytes.
    let length: UInt64
    let segment: UInt32
    /// Graphs, sessions and tasks under way, one for each mention.
    var uses: UInt64 = 0
    /// Clients, one for each mention in what was sent to them.
    var holdings: UInt64 = 0
    /// Processes that still have views of the bytes.
    var views: UInt64 = 0

    init(length: UInt64, segment: UInt32) {
        self.length = length
        self.segment = segment
    }

    var isNeeded: Bool { uses > 0 || holdings > 0 || views > 0 }
}
