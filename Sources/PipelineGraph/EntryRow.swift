import AnabranchCore

/// An entry (or a firing that may become one), as long as it runs or somebody may read it.
struct EntryRow: Sendable {
    let node: Int
    let key: CompactKey
    /// 0 while all is well; its own id when it failed, another's when it was skipped.
    var cause: UInt64 = 0
    /// While it runs: what it started from.
    var base = -1
    var modelRow: UInt64 = 0
    /// Per port, how many hold it; the fourth stands for the delivery under way.
    var holds: SIMD4<Int32> = .zero

    var isRunning: Bool { base >= 0 }
}
