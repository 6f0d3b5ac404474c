import AnabranchCore

extension SessionRecord {
    /// A call has ended, and with it, when it failed, the calls that need its value.
    mutating func end(_ call: CallID, _ outcome: CallResult.Outcome, _ usage: Usage, _ catalog: inout ObjectCatalog) {
        var ending = [(call, usage)]
        while let (call, usage) = ending.popLast() {
            guard let over = queued.removeValue(forKey: call) else { continue }
            outcome.forEachReference { catalog.use($0) }
            over.call.forEachReference { catalog.endUse($0) }
            finish(call, outcome, usage, isRemembered: !over.call.isInPlace)
            for dependent in dependents.removeValue(forKey: call) ?? [] {
                if case .value(let value) = outcome {
                    supply(value, of: call, to: dependent, &catalog)
                } else {
                    ending.append((dependent, Usage()))
                }
            }
        }
    }

    /// Ends the calls that the scheduler does not have, and answers the tasks of the others.
    mutating func cancel(_ calls: [CallID], _ catalog: inout ObjectCatalog) -> [TaskID] {
        var running: [TaskID] = []
        for call in calls {
            guard let record = queued[call] else { continue }
            if let task = record.task {
                running.append(task)
            } else {
                end(call, .failure(Failure(kind: .cancelled, message: "cancelled")), Usage(), &catalog)
            }
        }
        return running
    }

    /// The call's result waits to be sent, and is remembered for calls that come after. Its objects must be in use.
    ///
    /// What moves a client's data piece by piece answers with the pieces: remembered, they would be all of the data.
    mutating func finish(
        _ call: CallID, _ outcome: CallResult.Outcome, _ usage: Usage, isRemembered: Bool = true
    ) {
        // Told already where a task of it has ended; not where it was cancelled while it waited for room.
        let before = (earlier.isEmpty ? nil : earlier.removeValue(forKey: call))?.told(before: nil) ?? []
        results.append(CallResult(call: call, outcome: outcome, usage: usage, earlier: before))
        ended[call] = isRemembered ? outcome : .failure(Self.notKept(call))
        endedOrder.append(call)
        if endedOrder.count > Self.memory { ended[endedOrder.removeFirst()] = nil }
        if case .value = outcome { succeeded += 1 } else { failed += 1 }
    }

    private static func notKept(_ call: CallID) -> Failure {
        Failure(kind: .invalid, message: "the value of call \(call), which moved data, is not kept; pass its reference")
    }

    /// `dependent` gets a value that it waited for, and is ready once it has all.
    private mutating func supply(
        _ value: ObjectRef, of call: CallID, to dependent: CallID, _ catalog: inout ObjectCatalog
    ) {
        guard var waiting = queued[dependent] else { return }
        for (index, dependency) in waiting.call.dependencies.enumerated() where dependency == .call(call) {
            catalog.use(value)
            waiting.call.dependencies[index] = .object(value)
            waiting.missing -= 1
        }
        queued[dependent] = waiting
        if waiting.missing == 0, waiting.task == nil { ready.append(dependent) }
    }
}

extension CallResult.Outcome {
    /// Every object that this names: each is a holding of the client that receives it.
    func forEachReference(_ body: (ObjectRef) -> Void) {
        switch self {
        case .value(let value): body(value)
        case .failure(let failure): if let exception = failure.exception { body(exception) }
        }
    }
}
