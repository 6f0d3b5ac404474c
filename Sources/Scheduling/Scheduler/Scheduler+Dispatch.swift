import AnabranchCore
import HeapModule

// Ready tasks to workers: first to slots that are free, then, where tasks are short, behind the slots.
extension Scheduler {
    mutating func dispatch(at now: Instant) {
        placeReserved(at: now)
        if queue.count == 0 || open.isEmpty { return }
        fillSlots(at: now)
        if queue.count == 0 || open.isEmpty { return }
        prefetch(at: now)
    }

    /// One task at a time to the worker with the most free slots.
    private mutating func fillSlots(at now: Instant) {
        var candidates: [FreeSlots] = []
        for index in open where workers[index].freeSlots > 0 {
            candidates.append(FreeSlots(count: workers[index].freeSlots, worker: workers[index].id, index: index))
        }
        if candidates.isEmpty { return }
        var heap = Heap(candidates)
        while queue.count > 0, let best = heap.popMax() {
            let index = best.index
            let coresPerSlot = workers[index].coresPerSlot
            guard let pick = queue.peek(among: workers[index].shapes, coresPerSlot: coresPerSlot) else { continue }
            if pick.width > workers[index].freeSlots {
                reserve(pick, on: index)
                continue
            }
            send(queue.take(pick, classes: classes), width: pick.width, lane: pick.lane, to: index, at: now)
            let free = workers[index].freeSlots
            if free > 0 { heap.insert(FreeSlots(count: free, worker: best.worker, index: index)) }
        }
    }

    /// Only what comes next anyway: when that is long or wide, the worker's queue drains until it has its slots.
    private mutating func prefetch(at now: Instant) {
        let stalled = configuration.prefetchMicroseconds
        let candidates = open.filter { index in
            workers[index].wantsPrefetch(configuration) && now.since(workers[index].progressAt) < stalled
        }
        if candidates.isEmpty { return }
        let share = (queue.count + candidates.count - 1) / candidates.count
        for index in candidates {
            let coresPerSlot = workers[index].coresPerSlot
            for _ in 0..<share {
                guard let pick = queue.peek(among: workers[index].shapes, coresPerSlot: coresPerSlot) else { break }
                if pick.width > 1 {
                    reserve(pick, on: index)
                    break
                }
                guard let expected = classes[queue.lanes[pick.lane].classIndex].microseconds,
                    expected <= configuration.prefetchMicroseconds,
                    workers[index].hasPrefetchRoom(for: expected, configuration)
                else { break }
                send(queue.take(pick, classes: classes), width: pick.width, lane: pick.lane, to: index, at: now)
            }
        }
    }

    private mutating func send(_ id: TaskID, width: UInt32, lane: Int, to index: Int, at now: Instant) {
        let worker = workers[index].id
        var number: UInt32 = 0
        tasks.update(id) { task in
            task.issued += 1
            number = task.issued
            task.stage = .running(worker, number: number)
        }
        if number == 0 {
            recordFault("task \(id) is in the queue and nowhere else")
            return
        }
        let estimate = classes[queue.lanes[lane].classIndex].microseconds
        let expected = estimate.flatMap { $0 <= configuration.prefetchMicroseconds ? $0 : nil }
        if workers[index].leases.isEmpty { workers[index].progressAt = now }
        let attempt = Attempt(task: id, number: number)
        touch(index)
        workers[index].outgoing.append(attempt)
        addLease(
            Lease(
                phase: .held, sequence: takeSequence(), dispatchedAt: now, slots: width, expected: expected),
            for: attempt, to: index)
        counters.dispatched += 1
    }

    // MARK: Wide tasks

    /// Narrow tasks would take each slot as it comes free, and a wide task would never run. So it takes one worker,
    /// which gets nothing else until enough of its slots are free; the other workers go on.
    private mutating func reserve(_ pick: ReadyQueue.Pick, on index: Int) {
        let task = queue.take(pick, classes: classes)
        tasks[task]?.stage = .reserved(workers[index].id)
        workers[index].reservation = Reservation(task: task, slots: pick.width)
        reserving.append(index)
        updateOpen(index)
    }

    private mutating func placeReserved(at now: Instant) {
        if reserving.isEmpty { return }
        for index in reserving {
            guard let reservation = workers[index].reservation, reservation.slots <= workers[index].freeSlots,
                workers[index].declinesUntil == nil, let lane = tasks[reservation.task]?.lane
            else { continue }
            workers[index].reservation = nil
            send(reservation.task, width: reservation.slots, lane: lane, to: index, at: now)
            updateOpen(index)
        }
        reserving.removeAll { workers[$0].reservation == nil }
    }

    /// The worker takes no more work: the wide task goes back to the queue.
    mutating func unreserve(_ index: Int) {
        guard let reservation = workers[index].reservation else { return }
        clearReservation(of: reservation.task, on: workers[index].id)
        requeue(reservation.task)
    }

    mutating func clearReservation(of task: TaskID, on worker: WorkerID) {
        guard let index = workerIndex[worker], workers[index].reservation?.task == task else { return }
        workers[index].reservation = nil
        reserving.removeAll { $0 == index }
        updateOpen(index)
    }
}

/// A worker by its free slots; the lowest id is the greatest among equals.
private struct FreeSlots: Comparable {
    var count: UInt32
    var worker: WorkerID
    var index: Int

    static func < (left: FreeSlots, right: FreeSlots) -> Bool {
        left.count != right.count ? left.count < right.count : left.worker > right.worker
    }
}
