import AnabranchCore
import Scheduling

// Messages between the coordinator and its workers.
extension Simulation {
    /// Down a worker's lane.
    func sendDown(_ message: SimulatedWorker.Message, to worker: WorkerID) {
        if case .run = message { messages += 1 }
        guard let life = workers[worker]?.life else { return }
        for time in arrivals(worker, up: false, isReliable: { if case .leave = message { true } else { false } }()) {
            agenda.add(.arrive(worker, life: life, message), at: time)
        }
    }

    /// Through the inbox: results, starts, heartbeats.
    func sendUp(_ events: [SchedulerEvent], from worker: WorkerID, isReliable: Bool = false) {
        for time in arrivals(worker, up: true, isReliable: isReliable) { agenda.add(.deliver(events), at: time) }
    }

    /// When copies of a message arrive: none when it is lost.
    private func arrivals(_ worker: WorkerID, up: Bool, isReliable: Bool) -> [Instant] {
        let behaves = isHealed || isReliable
        if !behaves, random.chance(plan.drop) { return [] }
        var times: [Instant] = []
        for _ in 0..<(!behaves && random.chance(plan.double) ? 2 : 1) {
            var time = now.advanced(by: random.microseconds(50...plan.longestDelay))
            if !behaves, random.chance(plan.late) {
                time = time.advanced(by: random.microseconds(0...2_500_000))
            }
            var last = lastArrival[worker] ?? (time, time)
            let overtakes = !behaves && random.chance(plan.reorder)
            if !overtakes {
                time = max(time, up ? last.up : last.down)
                if up { last.up = time } else { last.down = time }
                lastArrival[worker] = last
            }
            times.append(time)
        }
        return times
    }
}
