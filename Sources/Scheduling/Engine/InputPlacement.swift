import AnabranchCore

/// Where a task can run, given where its inputs stand.
enum InputPlacement: Hashable, Sendable {
    /// They all travel in its message, if need be.
    case anywhere
    case store(StoreID)
    /// In two stores that no worker sees both of.
    case apart(StoreID, StoreID)
    /// The store of one of them is gone.
    case lost(ObjectID, StoreID)
}
