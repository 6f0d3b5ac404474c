import AnabranchCore
import PipelineGraph

// Bytes that are gone are made again by the firing that made them, of inputs that still stand or are made again too.
extension RunRecord {
    /// What a firing that has just ended read, for the case that its values have to be made again.
    func recipe(of firing: Firing) -> Recipe? {
        let entries = firing.entriesRead
        guard entries.count <= Recipe.mostInputs else { return nil }
        var inputs: [EntryID: EntryValue] = [:]
        var origins: [EntryID: Origin] = [:]
        var keys: [EntryID: Key] = [:]
        let namesKeys = !planNode(firing.node).emits.isEmpty
        for entry in entries {
            inputs[entry] = values[entry]
            origins[entry] = recovery.origins[entry]
            if namesKeys { keys[entry] = planner.key(of: entry) }
        }
        return Recipe(firing: firing, inputs: inputs, origins: origins, keys: keys)
    }

    /// `reader`, a live firing or a remake, found the bytes of `object` gone.
    ///
    /// - Returns: The remakes that can run now, and whether the reader, if it is live, can run again at once: what it
    ///   lacked has been made since.
    /// - Throws: When they cannot be made again; nothing has changed then.
    mutating func recover(
        _ object: ObjectID?, for reader: EntryID, _ failure: Failure, _ arrival: Arrival?,
        _ catalog: inout ObjectCatalog
    ) throws(Irrecoverable) -> (remakes: [EntryID], readerIsReady: Bool) {
        let losses = recovery.losses[reader, default: 0] + 1
        guard losses <= Recovery.mostLosses else {
            throw Irrecoverable(
                "its reader has met \(Recovery.mostLosses) losses before, the limit for one firing (fixed); something "
                    + "removes segments from the store as fast as they are written")
        }
        let before = recovery
        do {
            recovery.losses[reader] = losses
            let drafted = try draft(object, reader, failure, arrival, catalog)
            for id in drafted.remakes { hold(id, &catalog) }
            let ready = drafted.remakes.filter { recovery.remakes[$0]?.waitsFor.isEmpty == true }
            return (ready, drafted.readerIsReady)
        } catch {
            recovery = before
            throw error
        }
    }

    /// A remake has answered: its values take the place of those that are gone.
    ///
    /// - Returns: What can run now: remakes and live firings.
    mutating func remade(
        _ id: EntryID, _ success: Success, _ catalog: inout ObjectCatalog
    ) -> (remakes: [EntryID], firings: [Firing])? {
        guard let remake = recovery.remakes[id] else { return nil }
        var values: [EntryID: EntryValue] = [:]
        for (entry, origin) in remake.targets {
            guard let node = node(of: entry, remake), let value = origin.value(in: success, for: entry, of: node) else {
                return nil
            }
            values[entry] = value
        }
        let readers = remake.waiters.filter { recovery.remakes[$0] != nil }
        for (entry, value) in values.sorted(by: { $0.key < $1.key }) {
            replace(entry, with: value, &catalog)
            for reader in readers { supply(reader, entry, value, &catalog) }
        }
        drop(id, &catalog)
        return release(remake.waiters, from: id)
    }

    /// A remake has failed for good, and with it what waits for it.
    ///
    /// - Returns: The live firings that fail, each with what it had met.
    mutating func remakeFailed(
        _ id: EntryID, _ catalog: inout ObjectCatalog
    ) -> [(entry: EntryID, met: StrandedFiring)] {
        guard let remake = recovery.remakes[id] else { return [] }
        drop(id, &catalog)
        var failed: [(entry: EntryID, met: StrandedFiring)] = []
        for waiter in remake.waiters.sorted() {
            if let met = recovery.stranded.removeValue(forKey: waiter) { failed.append((waiter, met)) }
            failed += remakeFailed(waiter, &catalog)
        }
        return failed
    }

    /// The run has ended.
    mutating func abandonRecovery(_ catalog: inout ObjectCatalog) {
        for id in recovery.remakes.keys.sorted() { drop(id, &catalog) }
        recovery = Recovery()
    }

    // MARK: - Drafting

    private mutating func draft(
        _ object: ObjectID?, _ reader: EntryID, _ failure: Failure, _ arrival: Arrival?, _ catalog: ObjectCatalog
    ) throws(Irrecoverable) -> (remakes: [EntryID], readerIsReady: Bool) {
        var drafted: [EntryID] = []
        if let remake = recovery.remakes[reader] {
            let work = try readable(remake)
            condemn(object, in: work, catalog)
            let needs = try wanted(by: reader, work, remake.values, remake.recipe.origins, catalog, &drafted)
            recovery.remakes[reader]?.waitsFor = needs
            recovery.remakes[reader]?.task = nil
            return (needs.isEmpty ? drafted + [reader] : drafted, false)
        }
        guard let firing = live[reader]?.firing else { return ([], false) }
        let work: Work
        do {
            work = try builder.work(for: firing, values: values) { planner.key(of: $0) }
        } catch {
            throw Irrecoverable("\(error)")
        }
        condemn(object, in: work, catalog)
        let needs = try wanted(by: reader, work, values, recovery.origins, catalog, &drafted, of: firing)
        if needs.isEmpty { return (drafted, true) }
        // The object of an exception is given back with the answer that brought it.
        var told = failure
        told.exception = nil
        recovery.stranded[reader] = StrandedFiring(failure: told, arrival: arrival, waitsFor: needs)
        return (drafted, false)
    }

    /// Where an object is missing its segment is: the others in it are not tried one by one.
    private mutating func condemn(_ object: ObjectID?, in work: Work, _ catalog: ObjectCatalog) {
        work.forEachReference { reference in
            guard reference.id == object, let segment = LostSegment(of: reference) else { return }
            recovery.lostSegments[segment] = catalog.lastSequence(in: segment.number, of: segment.writer)
        }
    }

    /// Drafts remakes for all that `work` reads and that is gone; the remakes that `reader` has to wait for.
    private mutating func wanted(
        by reader: EntryID, _ work: Work, _ values: [EntryID: EntryValue], _ origins: [EntryID: Origin],
        _ catalog: ObjectCatalog, _ drafted: inout [EntryID], of firing: Firing? = nil
    ) throws(Irrecoverable) -> Set<EntryID> {
        var missing: [ObjectRef] = []
        work.forEachReference { if !stands($0, catalog) { missing.append($0) } }
        if missing.isEmpty { return [] }
        let entries = firing.map(\.entriesRead) ?? values.keys.sorted()
        var needs: Set<EntryID> = []
        for reference in missing {
            let makers = entries.filter { values[$0]?.names(reference.id) == true }
            guard let entry = makers.first else {
                throw Irrecoverable("the client that submitted the run wrote it, and nobody else can")
            }
            guard let origin = recovery.origins[entry] ?? origins[entry] else {
                throw Irrecoverable(
                    "object \(reference.id) is an input of the run, or was made of more than \(Recipe.mostInputs) of "
                        + "them; submit the run again with its data put anew")
            }
            needs.insert(try draft(origin, for: entry, waiter: reader, catalog, &drafted))
        }
        return needs
    }

    private mutating func draft(
        _ origin: Origin, for target: EntryID, waiter: EntryID, _ catalog: ObjectCatalog, _ drafted: inout [EntryID]
    ) throws(Irrecoverable) -> EntryID {
        let recipe = origin.recipe
        let id = recipe.firing.entry
        if recovery.remakes[id] == nil {
            var read = recipe.inputs
            for (entry, old) in recipe.inputs { read[entry] = old.updated(by: values[entry]) }
            let remake = Remake(recipe: recipe, values: read)
            recovery.remakes[id] = remake
            let needs = try wanted(by: id, readable(remake), read, recipe.origins, catalog, &drafted)
            recovery.remakes[id]?.waitsFor = needs
            drafted.append(id)
        }
        recovery.remakes[id]?.targets[target] = origin
        recovery.remakes[id]?.waiters.insert(waiter)
        return id
    }

    private func readable(_ remake: Remake) throws(Irrecoverable) -> Work {
        do { return try work(for: remake) } catch { throw Irrecoverable("\(error)") }
    }

    private func stands(_ reference: ObjectRef, _ catalog: ObjectCatalog) -> Bool {
        guard let segment = LostSegment(of: reference) else { return true }
        return catalog.contains(reference.id) && !catalog.hasLostBytes(of: reference.id.writer)
            && reference.id.sequence > recovery.lostSegments[segment] ?? 0
    }

    func work(for remake: Remake) throws(WorkError) -> Work {
        try builder.work(for: remake.recipe.firing, values: remake.values) { remake.recipe.keys[$0] }
    }

    // MARK: - Bookkeeping

    private mutating func hold(_ id: EntryID, _ catalog: inout ObjectCatalog) {
        guard let remake = recovery.remakes[id], let work = try? work(for: remake) else { return }
        var held: [ObjectRef] = []
        work.forEachReference { if !$0.isInline && catalog.contains($0.id) { held.append($0) } }
        for reference in held { catalog.use(reference) }
        recovery.remakes[id]?.held += held
    }

    /// `reader` reads from now on what was made again.
    private mutating func supply(
        _ reader: EntryID, _ entry: EntryID, _ value: EntryValue, _ catalog: inout ObjectCatalog
    ) {
        guard let old = recovery.remakes[reader]?.values[entry] else { return }
        let new = old.updated(by: value)
        recovery.remakes[reader]?.values[entry] = new
        new.forEachReference {
            guard catalog.contains($0.id) else { return }
            catalog.use($0)
            recovery.remakes[reader]?.held.append($0)
        }
    }

    private func node(of entry: EntryID, _ remake: Remake) -> PlanNodeIndex? {
        if let node = values[entry]?.node { return node }
        for other in recovery.remakes.values {
            if let node = other.recipe.inputs[entry]?.node { return node }
        }
        return nil
    }

    private mutating func replace(_ entry: EntryID, with value: EntryValue, _ catalog: inout ObjectCatalog) {
        guard let old = values[entry] else { return }
        let new = old.updated(by: value)
        new.forEachReference { catalog.use($0) }
        old.forEachReference { catalog.endUse($0) }
        values[entry] = new
    }

    private mutating func drop(_ id: EntryID, _ catalog: inout ObjectCatalog) {
        for reference in recovery.remakes.removeValue(forKey: id)?.held ?? [] { catalog.endUse(reference) }
    }

    private mutating func release(
        _ waiters: Set<EntryID>, from id: EntryID
    ) -> (remakes: [EntryID], firings: [Firing]) {
        var ready: (remakes: [EntryID], firings: [Firing]) = ([], [])
        for waiter in waiters.sorted() {
            if recovery.remakes[waiter]?.waitsFor.remove(id) != nil, recovery.remakes[waiter]?.waitsFor.isEmpty == true
            {
                ready.remakes.append(waiter)
            }
            recovery.stranded[waiter]?.waitsFor.remove(id)
            if recovery.stranded[waiter]?.waitsFor.isEmpty == true, let firing = live[waiter]?.firing {
                recovery.stranded[waiter] = nil
                ready.firings.append(firing)
            }
        }
        return ready
    }
}

extension Firing {
    /// Every entry that it reads, the model's too.
    var entriesRead: [EntryID] { items.flatMap { $0 } + (model.map { [$0] } ?? []) }
}
