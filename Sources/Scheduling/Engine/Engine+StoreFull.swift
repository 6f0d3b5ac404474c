import AnabranchCore
import PipelineGraph

extension Engine {
    /// What the error of a task that found the store full says besides: which run or session it was, who holds most,
    /// and what to do.
    mutating func storeFullHint(_ task: TaskID) -> String {
        let asked: String
        var fewer = "keep fewer outputs"
        switch tasks[task] {
        case .firing(let run, _)?, .remake(let run, _)?:
            asked = "run \(run)\(runs[run].map { " (\($0.title))" } ?? "") asked"
        case .call(let run, _)?:
            asked = "session \(run)\(sessions[run].map { " (\($0.name))" } ?? "") asked"
            fewer = "let go of results that have been taken, submit less ahead of who takes them (Executor.map does)"
        case nil: asked = "a task that has ended asked"
        }
        let holders = holderHint ?? describedHolders
        holderHint = holders
        return
            "; \(asked); \(ByteCount(catalog.totalBytes)) of \(ByteCount(configuration.storeBudget)) are needed, most by "
            + "\(holders); close runs and release results that you no longer need, \(fewer), or give the store "
            + "a larger budget (--store-budget)"
    }

    private var describedHolders: String {
        let named = storeHolders(3).map { "\($0.name): \(ByteCount($0.bytes))" }
        return named.isEmpty ? "nobody" : named.joined(separator: ", ")
    }

    /// Who needs most of the store, largest first: a run's nodes, and what clients hold besides. Linear in the number of
    /// objects.
    func storeHolders(_ limit: Int) -> [StoreHolder] {
        var holders: [StoreHolder] = []
        var seen: Set<ObjectID> = []
        for record in runs.values.sorted(by: { $0.id < $1.id }) {
            for (node, bytes) in record.bytesByNode(&seen) {
                holders.append(StoreHolder(name: "run \(record.id) (\(record.title)), \(node)", bytes: bytes))
            }
        }
        for client in clients.keys.sorted() {
            let bytes = catalog.bytes(heldBy: client, except: &seen)
            let name = clients[client]?.introduction.name ?? ""
            holders.append(StoreHolder(name: "client \(name.isEmpty ? "\(client)" : name)", bytes: bytes))
        }
        return Array(
            holders.filter { $0.bytes > 0 }.sorted { ($0.bytes, $1.name) > ($1.bytes, $0.name) }.prefix(limit))
    }

    // MARK: - Waiting for room

    /// A task that found the store full is run again when something has been released, and once more when nothing else runs.
    mutating func awaitsRoom(_ origin: TaskOrigin, _ failure: Failure) -> Bool {
        guard failure.kind == .storeFull, taskIsWanted(origin) else { return false }
        let tries = roomTries[origin] ?? RoomTries()
        if tries.count >= RoomTries.most { return false }
        if let last = tries.lastAfter, last == catalog.releasedBytes { return false }
        if case .call(let session, let call) = origin { sessions[session]?.takeBack(call) }
        roomTries[origin]?.lastAfter = nil
        tallies.taskRetried(.storeFull)
        waiting.append(WaitingTask(origin: origin, releasedBytes: catalog.releasedBytes))
        return true
    }

    /// Lets the first of the waiting tasks run again when something has been released, or when nothing is under way that
    /// could make room: that is its last chance. One at a time has it: it, too, may make room for the next.
    mutating func admitWaiting(at now: Instant) {
        // Of whoever waits next, the time begins then.
        if waiting.isEmpty { quietSince = nil }
        if roomTries.isEmpty && waiting.isEmpty { return }
        forgetUnwanted()
        guard let first = waiting.first else { return }
        noteQuiet(at: now)
        let isLast = !hasLastChanceOut && quietSince.map { now.since($0) >= Self.quietMicroseconds } ?? false
        guard isLast || catalog.releasedBytes > first.releasedBytes else { return }
        waiting.removeFirst()
        roomTries[first.origin, default: RoomTries()].count += 1
        roomTries[first.origin]?.lastAfter = isLast ? catalog.releasedBytes : nil
        if isLast { lastChance = first.origin }
        guard let ready = handAgain(first.origin) else { return }
        feed([.tasksReady(first.origin.run, [ready])], at: now)
    }

    /// Those whose runs have been closed or cancelled. While many wait, only the next one is looked at each time: the others'
    /// turns come.
    private mutating func forgetUnwanted() {
        if let last = lastChance, !taskIsWanted(last) { roomTries[last] = nil }
        while let first = waiting.first, !taskIsWanted(first.origin) {
            roomTries[first.origin] = nil
            waiting.removeFirst()
        }
        // Those that are left are at workers.
        if waiting.isEmpty { roomTries = roomTries.filter { taskIsWanted($0.key) } }
    }

    /// When the first waiting task gets its last chance; nil while others may make room.
    var roomDeadline: Instant? {
        guard !waiting.isEmpty, !hasLastChanceOut, let quietSince else { return nil }
        return quietSince.advanced(by: Self.quietMicroseconds)
    }

    /// So long nothing else runs and nothing is released before nobody is thought to make room any more: clients and
    /// writers hear of releases, and tell of them, a moment later.
    private static let quietMicroseconds: UInt64 = 500_000

    private mutating func noteQuiet(at now: Instant) {
        if catalog.releasedBytes != quietAfter {
            quietAfter = catalog.releasedBytes
            quietSince = nil
        }
        if workers.values.allSatisfy(\.lent.isEmpty) {
            quietSince = quietSince ?? now
        } else if !hasLastChanceOut {
            quietSince = nil
        }
    }

    /// Whether a task that found the store full is at a worker for the last time.
    private var hasLastChanceOut: Bool { lastChance.map { roomTries[$0]?.lastAfter != nil } ?? false }
}

extension RunRecord {
    var title: String { request.name.isEmpty ? request.graph.name : request.name }

    /// Bytes that the run needs in the store, each object once, by the node that made them.
    fileprivate func bytesByNode(_ seen: inout Set<ObjectID>) -> [(node: String, bytes: UInt64)] {
        var bytes: [String: UInt64] = [:]
        func add(_ reference: ObjectRef, _ node: String) {
            guard !reference.isInline, seen.insert(reference.id).inserted else { return }
            bytes[node, default: 0] &+= reference.length
        }
        let sources = values.sorted { $0.key < $1.key }
        for (_, value) in sources { value.forEachReference { add($0, name(of: value.node)) } }
        for update in history {
            update.forEachReference { add($0, update.node.map(request.name(of:)) ?? "the run's splitter") }
        }
        return bytes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
