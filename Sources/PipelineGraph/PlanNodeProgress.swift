/// How far one plan node has come. A splitter counts its firings, a source its entries.
public struct PlanNodeProgress: Hashable, Sendable {
    /// Firings known so far, whatever their state.
    public var planned: Int
    /// More firings may become known.
    public var isOpen: Bool
    public var running: Int
    public var succeeded: Int
    /// Ran and failed, or could not run at all (refused).
    public var failed: Int
    /// Not run because of another's failure.
    public var skipped: Int

    public init(
        planned: Int = 0, isOpen: Bool = true, running: Int = 0, succeeded: Int = 0, failed: Int = 0, skipped: Int = 0
    ) {
        self.planned = planned
        self.isOpen = isOpen
        self.running = running
        self.succeeded = succeeded
        self.failed = failed
        self.skipped = skipped
    }

    /// Firings that have ended, one way or another.
    public var ended: Int { succeeded + failed + skipped }
}
