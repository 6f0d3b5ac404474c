import AnabranchCore
import Scheduling

// Messages between the coordinator and its workers.
extension Simulation {
    /// Down a worker's lane.
    func sendDown(_ message: SimulatedWorker.Message, to worker: WorkerID) {
        switch message {
        case .run, .ahead: messages += 1
        case .cancel, .leave: break
        }
        guard let life = workers[worker]?.life else { return }
        let isReliable = if case .leave = message { true } else { false }
        for time in arrivals(.down(worker.rawValue), isReliable: isReliable) {
            agenda.add(.arrive(worker, life: life, message), at: time)
        }
    }

    /// Through the inbox: results, starts, heartbeats.
    func sendUp(_ events: [SchedulerEvent], from worker: WorkerID) {
        for time in arrivals(.up(worker.rawValue), isReliable: false) { agenda.add(.deliver(events), at: time) }
    }

    /// When copies of the link's next message arrive: none when it is lost.
    private func arrivals(_ link: Link, isReliable: Bool) -> [Instant] {
        let message = sent[link, default: 0]
        sent[link] = message + 1
        var random = chance(.latency(link), message)
        let trouble = isHealed || isReliable ? nil : network[link]?[message]
        if trouble?.isDropped == true { return [] }
        var times: [Instant] = []
        for _ in 0..<(trouble?.isDoubled == true ? 2 : 1) {
            var time = now.advanced(by: random.microseconds(50...200) + (trouble?.delay ?? 0))
            if trouble?.overtakes != true {
                time = max(time, lastArrival[link] ?? time)
                lastArrival[link] = time
            }
            times.append(time)
        }
        return times
    }
}

/// What happens to one message.
struct MessageTrouble {
    var isDropped = false
    var isDoubled = false
    var delay: UInt64 = 0
    var overtakes = false
}

extension [Adversity] {
    /// What happens to messages, by link and place.
    var network: [Link: [Int: MessageTrouble]] {
        var found: [Link: [Int: MessageTrouble]] = [:]
        for step in self {
            switch step {
            case .drop(let link, let message):
                found[link, default: [:]][message, default: MessageTrouble()].isDropped = true
            case .double(let link, let message):
                found[link, default: [:]][message, default: MessageTrouble()].isDoubled = true
            case .delay(let link, let message, let time):
                found[link, default: [:]][message, default: MessageTrouble()].delay += time
            case .overtake(let link, let message):
                found[link, default: [:]][message, default: MessageTrouble()].overtakes = true
            default: break
            }
        }
        return found
    }
}
