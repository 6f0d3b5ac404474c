import AnabranchCore

extension ObjectCatalog {
    /// `client` was sent a mention of `reference`, or wrote it. Each mention is one holding.
    public mutating func hold(_ reference: ObjectRef, by client: ClientID) {
        guard !reference.isInline else { return }
        enter(reference) { $0.holdings += 1 }
        holdings[client, default: [:]][reference.id, default: 0] += 1
    }

    /// `client` gives back one holding. Returns false when it has none, which is the client's mistake and changes nothing.
    @discardableResult
    public mutating func release(_ id: ObjectID, by client: ClientID) -> Bool {
        guard let held = holdings[client]?[id] else { return false }
        holdings[client]?[id] = held == 1 ? nil : held - 1
        leave(id) { $0.holdings -= 1 }
        return true
    }

    /// `client` has left. What it held is given back when its process has ended too: a program whose connection is closed
    /// may still read views of it, and holds its writer's lock for as long.
    public mutating func clientLeft(_ client: ClientID) {
        if liveWriters(of: .client(client)).isEmpty {
            dropHoldings(of: client)
        } else {
            departed.insert(client)
        }
    }

    /// `client` has ended; all that it held is given back.
    mutating func dropHoldings(of client: ClientID) {
        guard let held = holdings.removeValue(forKey: client) else { return }
        for (id, count) in held.sorted(by: { $0.key < $1.key }) { leave(id) { $0.holdings -= count } }
    }

    /// Bytes of the objects that `client` holds, but for those in `seen`, which they enter.
    func bytes(heldBy client: ClientID, except seen: inout Set<ObjectID>) -> UInt64 {
        (holdings[client] ?? [:]).keys.reduce(0) { sum, id in
            seen.insert(id).inserted ? sum &+ (objects[id]?.length ?? 0) : sum
        }
    }

    /// Mentions that `client` has not given back.
    public func holdings(of client: ClientID) -> UInt64 { holdings[client]?.values.reduce(0, &+) ?? 0 }
}
