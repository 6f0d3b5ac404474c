import AnabranchCore
import PipelineGraph

extension RunRecord {
    /// Enters the run's inputs and models; their objects are in use from now on.
    mutating func start(_ catalog: inout ObjectCatalog) {
        request.forEachPayload { payload, _ in
            payloads.append(payload)
            catalog.use(payload)
        }
        var notes: [PlannerNote] = []
        planner.start(notes: &notes)
        absorb(notes, &catalog)
    }

    /// Up to `limit` further firings.
    mutating func draw(_ limit: Int, _ catalog: inout ObjectCatalog) -> [Firing] {
        var firings: [Firing] = []
        var notes: [PlannerNote] = []
        planner.next(limit, firings: &firings, notes: &notes)
        absorb(notes, &catalog)
        return firings
    }

    mutating func succeeded(
        _ entry: EntryID, _ success: Success, _ arrival: Arrival, _ catalog: inout ObjectCatalog
    ) {
        guard let firing = live.removeValue(forKey: entry)?.firing else { return }
        let planNode = planNode(firing.node)
        var update = update(for: firing, .succeeded)
        update.usage = arrival.usage
        update.worker = arrival.worker
        update.earlier = takeEarlier(entry, before: arrival)
        update.attempts = update.earlier.count(with: arrival)
        update.scores = success.scores
        update.warnings = success.warnings
        var notes: [PlannerNote] = []
        if planNode.emits.isEmpty {
            update.model = planNode.keepsModel ? success.model : nil
            update.output = planNode.keepsOutput ? success.output : nil
            record(update, &catalog)
            offer(
                entry, of: firing.node, data: success.output, model: success.model,
                origin: origin(of: firing, part: nil), &catalog)
            planner.succeeded(entry, notes: &notes)
        } else {
            // The parts are the relation's entries; the firing itself only tells what the split cost.
            update.isInternal = true
            record(update, &catalog)
            answers[entry] = SplitAnswer(parts: success.parts, recipe: recipe(of: firing))
            planner.split(entry, parts: success.parts.compactMap { Key($0.labels) }, notes: &notes)
        }
        absorb(notes, &catalog)
        answers[entry] = nil
    }

    private mutating func takeEarlier(_ entry: EntryID, before last: Arrival?) -> [EarlierAttempt] {
        earlier.isEmpty ? [] : earlier.removeValue(forKey: entry)?.told(before: last) ?? []
    }

    mutating func failed(_ entry: EntryID, _ failure: Failure, _ arrival: Arrival?, _ catalog: inout ObjectCatalog) {
        guard let firing = live.removeValue(forKey: entry)?.firing else { return }
        var update = update(for: firing, failure.kind == .cancelled ? .cancelled : .failed)
        update.worker = arrival?.worker
        update.earlier = takeEarlier(entry, before: arrival)
        update.attempts = update.earlier.count(with: arrival, failure)
        update.failure = located(failure, firing, attempt: update.attempts)
        if let arrival { update.usage = arrival.usage }
        record(update, &catalog)
        var notes: [PlannerNote] = []
        planner.failed(entry, notes: &notes)
        absorb(notes, &catalog)
    }

    /// Ends the run before its plan has: live firings are cancelled, nothing further fires.
    ///
    /// - Returns: The tasks that were live.
    mutating func stop(
        _ end: PipelineGraph.RunState, _ message: String, at now: Instant, _ catalog: inout ObjectCatalog
    ) -> [TaskID] {
        let stopped = live.values.sorted { $0.task < $1.task }
        for record in stopped {
            var update = update(for: record.firing, .cancelled)
            update.failure = located(Failure(kind: .cancelled, message: message), record.firing, attempt: 0)
            self.record(update, &catalog)
        }
        let tasks = stopped.map(\.task) + recovery.tasks
        live = [:]
        self.message = message
        finish(end, at: now, &catalog)
        return tasks
    }

    mutating func finish(_ end: PipelineGraph.RunState, at now: Instant, _ catalog: inout ObjectCatalog) {
        state = end
        ended = now
        withdrawAll(&catalog)
    }

    private mutating func absorb(_ notes: [PlannerNote], _ catalog: inout ObjectCatalog) {
        for note in notes {
            switch note {
            case .partEntered(let entry, let node, let parent?, let part, let key):
                enterPart(part, entry, node, of: parent, key, &catalog)
            case .partEntered(let entry, let node, nil, let part, _):
                enterSource(part, entry, node, &catalog)
            case .skipped(let entry, let node, let key, let cause):
                record(skipped(entry, node, key, cause: cause), &catalog)
            case .refused(let entry, let node, let key, let message):
                record(refused(entry, node, key, message), &catalog)
            case .released(let entry, let port):
                withdraw(port, of: entry, &catalog)
            case .completed:
                break
            }
        }
    }

    private func origin(of firing: Firing, part: Key?) -> Origin? {
        guard shape.isRead(firing.node) else { return nil }
        return recipe(of: firing).map { Origin(recipe: $0, part: part) }
    }

    private mutating func enterPart(
        _ part: Int, _ entry: EntryID, _ node: PlanNodeIndex, of parent: EntryID, _ key: Key,
        _ catalog: inout ObjectCatalog
    ) {
        guard let split = answers[parent] else { return }
        let answer = split.parts[part]
        let labels = Key(answer.labels)
        let planNode = planNode(node)
        record(
            EntryUpdate(
                entry: entry, node: planNode.node, phase: planNode.phase, key: key, state: .succeeded,
                output: planNode.keepsOutput ? answer.train : nil, inputs: [parent], isInternal: planNode.isInternal),
            &catalog)
        let origin = split.recipe.flatMap { recipe in labels.map { Origin(recipe: recipe, part: $0) } }
        offer(entry, of: node, data: answer.train, test: answer.test, origin: origin, &catalog)
    }

    private mutating func enterSource(
        _ part: Int, _ entry: EntryID, _ node: PlanNodeIndex, _ catalog: inout ObjectCatalog
    ) {
        switch plan.origins[node] {
        case .inputs(let index):
            guard let data = request.inputs[index]?[part].data else { return }
            offer(entry, of: node, data: data, &catalog)
        case .models(let index):
            guard let model = request.models[index]?[part].model else { return }
            offer(entry, of: node, data: nil, model: model, &catalog)
        case nil:
            break
        }
    }
}
