import AnabranchCore

extension ReadyQueue {
    /// Each waiting task's ticket; a task that stands in the queue twice has the ticket -1 there.
    func waitingTickets() -> [TaskID: Int64] {
        var found: [TaskID: Int64] = [:]
        for index in lanes.indices {
            for entry in lanes[index].entries where !lanes[index].withdrawn.contains(entry.ticket) {
                found[entry.task] = found[entry.task] == nil ? entry.ticket : -1
            }
        }
        return found
    }

    func validate() throws {
        var total = 0
        var byShape = Array(repeating: 0, count: shapes.count)
        for (index, run) in runs.enumerated() {
            var ready = 0
            for share in run.shares {
                let held = run.lanes.filter { lanes[$0].key.shape == share.shape }
                    .reduce(0) { $0 + lanes[$1].count }
                try check(held == share.ready, "run \(run.id) counts \(share.ready) ready of a shape, of \(held)")
                try check(held == 0 || share.isRanked, "run \(run.id) has ready tasks but no turn")
                ready += held
                byShape[share.shape] += held
                for lane in run.lanes where lanes[lane].key.shape == share.shape && lanes[lane].count > 0 {
                    let isListed = share.lanes.unordered.contains { $0.lane == lane }
                    try check(isListed, "a lane of run \(run.id) is not in its heap")
                }
            }
            try check(ready == run.ready, "run \(run.id) counts \(run.ready) ready of \(ready)")
            try check(run.lanes.allSatisfy { lanes[$0].key.run == index }, "run \(run.id) has another's lane")
            total += ready
        }
        try check(total == count, "the queue counts \(count) of \(total)")
        for (index, shape) in shapes.enumerated() {
            try check(shape.ready == byShape[index], "a shape counts \(shape.ready) of \(byShape[index])")
            let held = lanes.indices.filter { lanes[$0].key.shape == index }.count
            try check(shape.lanes == held, "a shape counts \(shape.lanes) lanes of \(held)")
        }
    }

    private func check(_ holds: Bool, _ message: @autoclosure () -> String) throws {
        if !holds { throw SchedulerFault(message()) }
    }
}
