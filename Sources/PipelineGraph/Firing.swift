import AnabranchCore

/// An entry of some plan node's relation, numbered in the order of their making; 0 is never used.
public struct EntryID: NumericIdentifier {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// A firing that the planner hands out: run it, then tell the planner how it ended.
///
/// `entry` names the firing until it ends, and its one entry afterwards (a splitter's firing names no entry of a relation,
/// its parts get entries of their own).
public struct Firing: Hashable, Sendable {
    public var entry: EntryID
    public var node: PlanNodeIndex
    public var key: Key
    /// One item, unless the rule is `gather`: then one per member, in key order. An item has one entry per edge that
    /// takes part: one for a union (`edge` says which), one per edge in edge order for a join.
    public var items: [[EntryID]]
    /// The edge by which a union's entry came.
    public var edge: Int
    public var model: EntryID?
    public var variant: UInt32?

    public init(
        entry: EntryID, node: PlanNodeIndex, key: Key, items: [[EntryID]], edge: Int = 0, model: EntryID? = nil,
        variant: UInt32? = nil
    ) {
        self.entry = entry
        self.node = node
        self.key = key
        self.items = items
        self.edge = edge
        self.model = model
        self.variant = variant
    }
}

/// What the planner decided on the way; appended to a buffer of the caller's, in order.
public enum PlannerNote: Hashable, Sendable {
    /// A splitter's part, or a source's entry (`of` is nil), has come to stand as an entry of `node`. `part` is its index
    /// in the splitter's answer, or in the source's `sourceKeys`.
    case partEntered(EntryID, node: PlanNodeIndex, of: EntryID?, part: Int, key: Key)
    /// This key will not run: something it depends on failed. `cause` is the entry that failed first.
    case skipped(entry: EntryID, node: PlanNodeIndex, key: Key, cause: EntryID)
    /// This key cannot run: no partner, a gathered dimension that is missing, no model. The message names keys.
    case refused(entry: EntryID, node: PlanNodeIndex, key: Key, message: String)
    /// No firing, present or future, will read this port of this entry again.
    case released(EntryID, Port)
    /// Every firing of the plan has ended.
    case completed
}
