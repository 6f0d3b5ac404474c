import AnabranchCore

/// What an engine has in hand. For tests, which want to see it empty.
package struct EngineInventory: Hashable, Sendable {
    package var objects: Int
    package var tasks: Int
    /// All ids in ascending order.
    package var runs: [RunID]
    package var sessions: [RunID]
    package var workers: [WorkerID]
    package var clients: [ClientID]
}

extension Engine {
    package var inventory: EngineInventory {
        EngineInventory(
            objects: catalog.count, tasks: tasks.count, runs: runs.keys.sorted(), sessions: sessions.keys.sorted(),
            workers: workers.keys.sorted(), clients: clients.keys.sorted())
    }

    package var counters: SchedulerCounters { scheduler.counters }

    /// Checks every invariant of the parts.
    ///
    /// - Throws: `CatalogInconsistency` or `SchedulerFault`.
    package func validate() throws {
        try catalog.validate()
        try scheduler.validate()
    }
}
