import AnabranchCore

// What a worker has, and the lists that follow from it.
extension Scheduler {
    mutating func addLease(_ lease: Lease, for attempt: Attempt, to index: Int) {
        workers[index].add(lease, for: attempt)
        updateOvercommitted(index)
        updateOpen(index)
    }

    @discardableResult
    mutating func removeLease(_ attempt: Attempt, from index: Int) -> Lease? {
        guard let lease = workers[index].removeLease(attempt) else { return nil }
        updateOvercommitted(index)
        updateOpen(index)
        return lease
    }

    /// Called whenever the slots of a worker, or those that it uses, have changed.
    mutating func updateOvercommitted(_ index: Int) {
        let isOver = workers[index].usedSlots > workers[index].slots
        let position = workers[index].overcommittedPosition
        if isOver, position < 0 {
            workers[index].overcommittedPosition = overcommitted.count
            overcommitted.append(index)
        } else if !isOver, position >= 0 {
            workers[index].overcommittedPosition = -1
            let last = overcommitted.removeLast()
            if last != index {
                overcommitted[position] = last
                workers[last].overcommittedPosition = position
            }
        }
    }

    /// Called whenever what a worker has, or whether it takes work, has changed.
    mutating func updateOpen(_ index: Int) {
        let isOpen =
            workers[index].acceptsWork
            && (workers[index].freeSlots > 0 || workers[index].wantsPrefetch(configuration))
        let position = workers[index].openPosition
        if isOpen, position < 0 {
            workers[index].openPosition = open.count
            open.append(index)
        } else if !isOpen, position >= 0 {
            workers[index].openPosition = -1
            let last = open.removeLast()
            if last != index {
                open[position] = last
                workers[last].openPosition = position
            }
        }
    }

    /// Tells a worker to drop an attempt of a task that has ended.
    mutating func cancelAttempt(_ number: UInt32, of task: TaskID, on worker: WorkerID) {
        guard let index = workerIndex[worker] else { return }
        let attempt = Attempt(task: task, number: number)
        workers[index].leases[attempt]?.phase = .cancelling
        addCancel(attempt, to: index)
    }

    mutating func addCancel(_ attempt: Attempt, to index: Int) {
        touch(index)
        workers[index].cancels.append(attempt)
    }

    mutating func touch(_ index: Int) {
        if workers[index].cancels.isEmpty, workers[index].outgoing.isEmpty { touched.append(index) }
    }

    /// Which shapes fit which worker, and how many cores tasks of each shape take; on each change of the pool.
    mutating func refreshShapes() {
        let active = workers.indices.map { workers[$0] }.filter { $0.standing == .active }
        queue.setCores { shape in active.lazy.filter { shape.suits($0) }.map(\.cores).max() }
        for index in workers.indices {
            workers[index].shapes = queue.shapes.indices.filter { shape in
                queue.shapes[shape].shape.suits(workers[index])
                    && queue.shapes[shape].width(coresPerSlot: workers[index].coresPerSlot) <= workers[index].slots
            }
        }
    }
}
