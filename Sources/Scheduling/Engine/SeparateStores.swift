import AnabranchCore

/// Stores of hosts that do not share the coordinator's. A store ends with the last worker that sees it.
struct SeparateStores: Hashable, Sendable {
    private struct Record: Hashable, Sendable {
        let identity: String
        let host: String
        let path: String
    }

    /// In the order in which they were first told of, from store 1; one that has ended keeps its number.
    private var records: [Record] = []
    /// Of workers that have gone too: their objects may outlive them.
    private var storeOfWorker: [WorkerID: StoreID] = [:]
    private var ended: Set<String> = []

    /// Whether there has never been one.
    var isEmpty: Bool { records.isEmpty }

    mutating func join(_ hello: WorkerHello, as worker: WorkerID) -> StoreID {
        let index: Int
        if let known = records.firstIndex(where: { $0.identity == hello.storeIdentity }) {
            index = known
        } else {
            index = records.count
            records.append(Record(identity: hello.storeIdentity, host: hello.host, path: hello.store))
        }
        let store = StoreID(UInt64(index + 1))
        storeOfWorker[worker] = store
        return store
    }

    /// The store that a worker's writers write to, the coordinator's when nothing else was said.
    func store(of worker: WorkerID) -> StoreID { storeOfWorker[worker] ?? .coordinator }

    mutating func end(_ store: StoreID) {
        if let record = record(store) { ended.insert(record.identity) }
    }

    func hasEnded(_ identity: String) -> Bool { ended.contains(identity) }

    /// For messages.
    func name(_ store: StoreID) -> String {
        record(store).map { "the store \($0.path) of host \($0.host)" } ?? "the coordinator's store"
    }

    private func record(_ store: StoreID) -> Record? {
        let index = Int(store.rawValue) - 1
        return records.indices.contains(index) ? records[index] : nil
    }
}
