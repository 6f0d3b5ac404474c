import AnabranchCore
import Foundation
import Wire

// What one turn of the loop does: read, decide, perform, watch.
extension Worker {
    func waitingTime() -> Int? {
        let now = MonotonicClock.now
        var next = nextHeartbeat
        if let deadline = ask({ $0.nextDeadline(after: now) }) { next = min(next, deadline) }
        if let drainDeadline { next = min(next, drainDeadline) }
        if let due = answer.due { next = min(next, due) }
        return next.milliseconds(after: now)
    }

    /// One turn: everything that is ready, then one answer. False when the worker is to end at once.
    func serve(_ ready: [Token]) throws -> Bool {
        var notices = Runtimes.Notices()
        for event in runtimes.lookAtProgress() { handle(event) }
        for token in ready {
            switch token {
            case .control:
                for reply in try coordination.readControl() {
                    switch reply {
                    case .welcomed(newEpoch: true):
                        handle(.epochEnded)
                        answer = Answer()
                        received = [:]
                    case .welcomed: break
                    case .refused(let error): try heed(error)
                    }
                }
            case .connection: try coordination.readConnection()
            case .lane: for batch in try coordination.readLane() { take(batch) }
            case .native:
                nativeDone.clear()
                for finished in native.takeFinished() { handle(.nativeFinished(finished.slot, finished.results)) }
            case .socket(let slot): runtimes.serve(slot, into: &notices)
            case .output(let slot), .errors(let slot): runtimes.serveOutput(slot, into: &notices)
            case .exit(let slot): runtimes.serveExit(slot, into: &notices)
            case .forkServer: runtimes.serveNursery(into: &notices)
            case .forkServerOutput: runtimes.nursery.drainOutput()
            case .leftover: runtimes.nursery.leftovers.sweep()
            case .watch: return false
            case .stop:
                stop.wakeup.clear()
                if stop.wantsEnd { return false }
                if stop.wantsDrain { drain() }
            }
        }
        take(notices)
        handle(.tick)
        while case let events = runtimes.withdrawalsDelivered(), !events.isEmpty {
            for event in events { handle(event) }
        }
        if let drainDeadline, !hasLeft, MonotonicClock.now >= drainDeadline {
            log.warning(
                "leaving what still runs after --drain-timeout",
                metadata: [
                    "attempts": "\(machine.attempts.count)", "seconds": "\(configuration.drainSeconds ?? 0)",
                ])
            return false
        }
        if ask({ $0.idleSlots }) > 0 { runtimes.nursery.importWanted() }
        watchRuntimes()
        try flush()
        return true
    }

    private func drain() {
        if drainDeadline == nil, let seconds = configuration.drainSeconds {
            drainDeadline = MonotonicClock.now.advanced(byMicroseconds: UInt64(seconds * 1_000_000))
        }
        handle(.drainRequested)
    }

    /// What the coordinator has against a worker that it has welcomed.
    private func heed(_ error: ControlError) throws {
        switch error.code {
        // It tells its workers to leave when it ends.
        case .shuttingDown: break
        // Another one stands at the address.
        case .storeMismatch: throw WorkerFailure.coordinatorEnded(address: configuration.address)
        default: throw WorkerFailure.refused(address: configuration.address, error)
        }
    }

    private func take(_ notices: Runtimes.Notices) {
        answer.released += notices.released
        answer.logs += notices.logs
        answer.closed += notices.closedWriters
        for event in notices.events { handle(event) }
    }

    private func take(_ batch: TaskBatch) {
        if !batch.releases.isEmpty {
            let others = runtimes.release(batch.releases)
            nativeStore?.writer.release(others)
        }
        if !batch.cancels.isEmpty { handle(.cancelRequested(batch.cancels)) }
        let tasks = batch.cancels.isEmpty ? batch.tasks : withoutCancelled(batch)
        if !tasks.isEmpty {
            let now = MonotonicClock.now
            for task in tasks { received[task.attempt] = now }
            handle(.tasksArrived(tasks))
        }
        if batch.drain { drain() }
    }

    /// What is left of tasks that were sent and cancelled in one turn of the coordinator.
    private func withoutCancelled(_ batch: TaskBatch) -> [TaskAssignment] {
        let cancelled = Set(batch.cancels)
        let never = batch.tasks.map(\.attempt).filter(cancelled.contains)
        if !never.isEmpty {
            perform(.report(never.map { machine.cancelled($0, "cancelled before it ran") }))
        }
        return batch.tasks.filter { !cancelled.contains($0.attempt) }
    }

    private func handle(_ event: WorkerEvent) {
        var effects: [WorkerEffect] = []
        machine.handle(event, at: MonotonicClock.now, effects: &effects)
        for effect in effects { perform(effect) }
    }

    /// Asks the machine where it stands: a question to a struct in a property costs a copy of all of it.
    private func ask<Answer>(_ question: (inout WorkerMachine) -> Answer) -> Answer { question(&machine) }

    private func perform(_ effect: WorkerEffect) {
        switch effect {
        case .startRuntime(let slot):
            guard let welcome = coordination.welcome else { return }
            let (writer, event) = runtimes.start(slot, under: welcome)
            if let writer { answer.opened.append(writer) }
            if let event { handle(event) }
        case .send(let slot, let tasks):
            let refused = runtimes.send(slot, tasks)
            if !refused.isEmpty { handle(.runtimeAnswered(slot, refused)) }
        case .withdraw(let slot, let attempts): runtimes.withdraw(slot, attempts)
        case .runNative(let slot, let tasks):
            if nativeStore == nil { openNativeStore() }
            native.run(slot, tasks)
        case .askForAnswers(let slot): runtimes.processes[slot]?.askForAnswers()
        case .loadEstimators: runtimes.nursery.want([Nursery.estimators])
        case .killRuntime(let slot): take(runtimes.kill(slot))
        case .report(let results): answer.results += results.map(stamped)
        case .reportStarted(let attempts): answer.tellStarted(attempts, at: MonotonicClock.now)
        case .reportWaiting(let attempts): answer.waiting = attempts
        case .leave: hasLeft = true
        }
    }

    /// Watches the descriptors that are open now, for writing too where something waits to be written. In most turns they are
    /// those that are watched.
    private func watchRuntimes() {
        for index in machine.slots.indices {
            let slot = SlotIndex(index)
            let open = runtimes.processes[slot]?.descriptors ?? RuntimeProcess.Descriptors()
            if index == watchedRuntimes.count { watchedRuntimes.append(RuntimeProcess.Descriptors()) }
            if watchedRuntimes[index] == open { continue }
            watchedRuntimes[index] = open
            watch(open.socket, for: open.wantsToWrite ? [.readable, .writable] : .readable, as: .socket(slot))
            watch(open.output, for: .readable, as: .output(slot))
            watch(open.errors, for: .readable, as: .errors(slot))
            watch(open.exit, for: .readable, as: .exit(slot))
        }
        let nursery = runtimes.nursery
        watch(nursery.server?.control, for: .readable, as: .forkServer)
        watch(nursery.server?.output, for: .readable, as: .forkServerOutput)
        watchLeftovers(nursery.leftovers.ending)
    }

    private func watchLeftovers(_ ending: [pid_t: Int32]) {
        if ending.isEmpty && watchedLeftovers.isEmpty { return }
        for process in watchedLeftovers where ending[process] == nil { poller.forget(.leftover(process)) }
        for (process, descriptor) in ending { watch(descriptor, for: .readable, as: .leftover(process)) }
        watchedLeftovers = Set(ending.keys)
    }

    private func watch(_ descriptor: Int32?, for readiness: Readiness, as token: Token) {
        if let descriptor, descriptor >= 0 {
            poller.watch(descriptor: descriptor, for: readiness, as: token)
        } else {
            poller.forget(token)
        }
    }
}
