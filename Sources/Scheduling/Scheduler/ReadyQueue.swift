import AnabranchCore
import DequeModule
import HeapModule

/// What a worker must offer for a task.
struct TaskShape: Hashable, Sendable {
    var executor: String
    /// Nil: any.
    var store: StoreID?
    /// Nil: any.
    var worker: WorkerID?
    var cores: UInt32

    init(_ requirements: TaskRequirements) {
        executor = requirements.executor
        store = requirements.store
        worker = requirements.worker
        cores = max(requirements.cores, 1)
    }

    /// Whether such tasks can run at a worker that is large enough.
    func suits(_ worker: WorkerState) -> Bool {
        worker.executors.contains(executor) && (store == nil || store == worker.store)
            && (self.worker == nil || self.worker == worker.id)
    }
}

/// Ready tasks in the order in which they are to run: runs take turns; within a run what is deeper comes first, then what
/// takes longest, then what came first.
///
/// Tasks stand in lanes, one for each (run, class, shape, priority), first come, first served. For each shape a heap
/// holds the runs that have ready tasks of it, by what they were served; for each run and shape a heap holds its lanes.
/// Each operation is logarithmic in the numbers of runs and lanes, whatever the number of tasks.
struct ReadyQueue: Sendable {
    struct LaneKey: Hashable, Sendable {
        var run: Int
        var kind: UInt32
        var shape: Int
        var priority: UInt32
    }

    /// The next task for a worker, still in the queue.
    struct Pick: Sendable {
        var run: Int
        var share: Int
        var shape: Int
        var lane: Int
        /// Slots that it takes of a worker.
        var width: UInt32
    }

    var lanes = Arena(vacant: ReadyLane(key: LaneKey(run: 0, kind: 0, shape: 0, priority: 0), classIndex: 0))
    private var laneIndex: [LaneKey: Int] = [:]
    private(set) var shapes: [ShapeQueue] = []
    private var shapeIndex: [TaskShape: Int] = [:]
    /// Places in `shapes` that no run has lanes for.
    private var freeShapes: [Int] = []
    /// By the scheduler's index of runs; places without a run have the id 0.
    private(set) var runs: [RunQueue] = []
    /// Ready tasks in all.
    private(set) var count = 0
    /// What the run served last had been served before: a run that becomes ready starts there, so that it can neither
    /// claim what it did not ask for in time nor is made to wait for it.
    private var clock: UInt64 = 0
    private var nextTicket: Int64 = 1
    private var nextFrontTicket: Int64 = 0

    // MARK: Runs, shapes and lanes

    mutating func openRun(_ id: RunID, at index: Int) {
        while runs.count <= index { runs.append(RunQueue(id: RunID(0))) }
        runs[index] = RunQueue(id: id)
    }

    /// Forgets the run's lanes; tasks that stand in them are the caller's to forget.
    mutating func closeRun(at index: Int) {
        let run = runs[index]
        for share in run.shares { shapes[share.shape].ready -= share.ready }
        count -= run.ready
        for lane in run.lanes {
            let key = lanes.remove(at: lane).key
            laneIndex[key] = nil
            leaveShape(key.shape)
        }
        runs[index] = RunQueue(id: RunID(0))
    }

    func readyCount(ofRun index: Int) -> Int { runs.indices.contains(index) ? runs[index].ready : 0 }

    /// The place of a shape and whether it is new.
    mutating func shape(_ shape: TaskShape) -> (index: Int, isNew: Bool) {
        if let index = shapeIndex[shape] { return (index, false) }
        if let index = freeShapes.popLast() {
            shapes[index] = ShapeQueue(shape: shape)
            shapeIndex[shape] = index
            return (index, true)
        }
        shapes.append(ShapeQueue(shape: shape))
        shapeIndex[shape] = shapes.count - 1
        return (shapes.count - 1, true)
    }

    private mutating func leaveShape(_ index: Int) {
        shapes[index].lanes -= 1
        if shapes[index].lanes > 0 { return }
        shapeIndex[shapes[index].shape] = nil
        shapes[index] = ShapeQueue(shape: shapes[index].shape)
        freeShapes.append(index)
    }

    /// Sets how many cores tasks of each shape take, given those of the largest worker that suits it (nil: none does).
    mutating func setCores(largest: (TaskShape) -> UInt32?) {
        for index in shapes.indices {
            let largest = largest(shapes[index].shape)
            shapes[index].isOffered = largest != nil
            shapes[index].cores = min(shapes[index].shape.cores, largest ?? .max)
        }
    }

    mutating func lane(_ key: LaneKey, classIndex: Int) -> Int {
        if let index = laneIndex[key] { return index }
        let index = lanes.insert(ReadyLane(key: key, classIndex: classIndex))
        laneIndex[key] = index
        shapes[key.shape].lanes += 1
        runs[key.run].lanes.append(index)
        return index
    }

    // MARK: Tasks

    /// The ticket under which the task waits.
    mutating func enqueue(_ task: TaskID, lane: Int, atFront: Bool = false, classes: Arena<DurationEstimate>) -> Int64 {
        let ticket: Int64
        if atFront {
            ticket = nextFrontTicket
            nextFrontTicket -= 1
            lanes[lane].entries.prepend(ReadyLane.Entry(task: task, ticket: ticket))
        } else {
            ticket = nextTicket
            nextTicket += 1
            lanes[lane].entries.append(ReadyLane.Entry(task: task, ticket: ticket))
        }
        let key = lanes[lane].key
        adjustCounts(key, by: 1)
        rank(lane, key, classes)
        return ticket
    }

    /// Takes a task out of the middle.
    mutating func withdraw(lane: Int, ticket: Int64) {
        lanes[lane].withdraw(ticket)
        adjustCounts(lanes[lane].key, by: -1)
    }

    /// The next task among `shapes` for a worker whose slots have so many cores each, nil when none is ready.
    mutating func peek(among candidates: [Int], coresPerSlot: UInt32) -> Pick? {
        var best: Pick?
        var bestRank: (run: RunRank, lane: LaneRank)?
        for shape in candidates where shapes[shape].ready > 0 {
            guard let (pick, run, lane) = top(of: shape, coresPerSlot) else { continue }
            if let current = bestRank {
                if run > current.run { continue }
                if run == current.run, lane >= current.lane { continue }
            }
            best = pick
            bestRank = (run, lane)
        }
        return best
    }

    /// Takes what `peek` gave, with nothing in between.
    mutating func take(_ pick: Pick, classes: Arena<DurationEstimate>) -> TaskID {
        guard let entry = lanes[pick.lane].popFirst() else { preconditionFailure("the pick is no longer ready") }
        clock = max(clock, runs[pick.run].served)
        let served = runs[pick.run].served + UInt64(pick.width)
        runs[pick.run].served = served
        runs[pick.run].ready -= 1
        runs[pick.run].shares[pick.share].ready -= 1
        if lanes[pick.lane].isEmpty {
            _ = runs[pick.run].shares[pick.share].lanes.popMin()
            lanes[pick.lane].isRanked = false
        } else {
            let rank = laneRank(pick.lane, classes)
            runs[pick.run].shares[pick.share].lanes.replaceMin(with: rank)
        }
        if runs[pick.run].shares[pick.share].ready == 0 {
            _ = shapes[pick.shape].runs.popMin()
            runs[pick.run].shares[pick.share].isRanked = false
        } else {
            let rank = RunRank(served: served, id: runs[pick.run].id, index: pick.run)
            shapes[pick.shape].runs.replaceMin(with: rank)
        }
        shapes[pick.shape].ready -= 1
        count -= 1
        return entry.task
    }

    // MARK: Ranks

    private func laneRank(_ lane: Int, _ classes: Arena<DurationEstimate>) -> LaneRank {
        LaneRank(
            priority: lanes[lane].key.priority, magnitude: classes[lanes[lane].classIndex].magnitude,
            ticket: lanes[lane].entries.first?.ticket ?? .max, lane: lane)
    }

    private mutating func rank(_ lane: Int, _ key: LaneKey, _ classes: Arena<DurationEstimate>) {
        guard let share = runs[key.run].share(of: key.shape) else { return }
        if !lanes[lane].isRanked {
            lanes[lane].isRanked = true
            let rank = laneRank(lane, classes)
            runs[key.run].shares[share].lanes.insert(rank)
        }
        if !runs[key.run].shares[share].isRanked {
            runs[key.run].shares[share].isRanked = true
            let rank = RunRank(served: runs[key.run].served, id: runs[key.run].id, index: key.run)
            shapes[key.shape].runs.insert(rank)
        }
    }

    private mutating func adjustCounts(_ key: LaneKey, by change: Int) {
        count += change
        shapes[key.shape].ready += change
        runs[key.run].addReady(change, shape: key.shape, clock: clock)
    }

    /// Drops what has gone from the tops of the shape's heaps, then reads them.
    private mutating func top(of shape: Int, _ coresPerSlot: UInt32) -> (Pick, RunRank, LaneRank)? {
        while let rank = shapes[shape].runs.min {
            let index = rank.index
            guard runs[index].id == rank.id, let share = runs[index].share(of: shape) else {
                _ = shapes[shape].runs.popMin()
                continue
            }
            if runs[index].shares[share].ready == 0 {
                _ = shapes[shape].runs.popMin()
                runs[index].shares[share].isRanked = false
                continue
            }
            let served = runs[index].served
            if served != rank.served {
                shapes[shape].runs.replaceMin(with: RunRank(served: served, id: rank.id, index: index))
                continue
            }
            guard let lane = runs[index].shares[share].lanes.min else { return nil }
            guard let first = lanes[lane.lane].entries.first else {
                _ = runs[index].shares[share].lanes.popMin()
                lanes[lane.lane].isRanked = false
                continue
            }
            if first.ticket > lane.ticket {
                var moved = lane
                moved.ticket = first.ticket
                runs[index].shares[share].lanes.replaceMin(with: moved)
                continue
            }
            let width = shapes[shape].width(coresPerSlot: coresPerSlot)
            return (Pick(run: index, share: share, shape: shape, lane: lane.lane, width: width), rank, lane)
        }
        return nil
    }
}
