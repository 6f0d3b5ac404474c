import AnabranchCore
import Scheduling

// Plans, sessions and clients.
extension Simulation {
    func openRun(_ run: SimulatedRun) {
        runs[run.id]?.isOpen = true
        agenda.add(.deliver([.runOpened(run.id)]), at: now)
        if run.isSession {
            runs[run.id]?.isExhausted = true
            agenda.add(.deliver([.runExhausted(run.id)]), at: now)
            let all = runs[run.id]?.take(.max) ?? []
            let size = (all.count + run.pushes - 1) / run.pushes
            var time = now
            var random = chance(.push(run.id), 0)
            for start in stride(from: 0, to: all.count, by: size) {
                let push = Array(all[start..<min(start + size, all.count)])
                agenda.add(.deliver([.tasksReady(run.id, push)]), at: time)
                time = time.advanced(by: random.microseconds(0...300_000))
            }
        }
    }

    func perform(_ effect: SchedulerEffect) {
        switch effect {
        case .dispatch(let worker, let attempts):
            sendDown(.run(attempts), to: worker)
            for attempt in attempts { offerFollowers(of: attempt.task) }
        case .sendAhead(let worker, let attempt, let predecessor):
            sendDown(.ahead(attempt, after: predecessor), to: worker)
        case .admitted(let task): offerFollowers(of: task)
        case .withdrawn(let task): putBack(task)
        case .cancel(let worker, let attempts): sendDown(.cancel(attempts), to: worker)
        case .complete(let task, _): resolve(task, completed: true)
        case .fail(let task, _), .failLost(let task, _), .cancelled(let task): resolve(task, completed: false)
        case .replenish(let run, let count): answer(run, count)
        case .releaseWorker(let worker): sendDown(.leave, to: worker)
        case .dropped, .workerSilent: break
        }
    }

    private func answer(_ run: RunID, _ count: Int) {
        var random = chance(.answer(run), answered[run, default: 0])
        answered[run, default: 0] += 1
        var events: [SchedulerEvent] = [.tasksReady(run, runs[run]?.take(count) ?? [])]
        if runs[run]?.waiting.isEmpty == true, runs[run]?.ahead.isEmpty == true, random.chance(0.7) {
            runs[run]?.isExhausted = true
            events.append(.runExhausted(run))
        }
        if random.chance(0.5) {
            agenda.add(.deliver(events), at: now)
        } else {
            agenda.add(.deliver(events), at: now.advanced(by: random.microseconds(0...2_000)))
        }
        closeIfDone(run)
    }

    /// The plan of a cancelled run gives nothing more.
    func cancelPlan(_ run: RunID) {
        runs[run]?.cancel()
        closeIfDone(run)
    }

    /// Under new numbers, as each time that they are given to the scheduler.
    private func offerFollowers(of task: TaskID) {
        guard let run = ledger.runs[task], let room = scheduler.roomAhead(of: task),
            let line = runs[run]?.take(behind: ledger.original(room.last), room.count), !line.isEmpty
        else { return }
        agenda.add(.deliver([.tasksFollow(line.compactMap { ledger.rename($0) }, after: room.last)]), at: now)
    }

    private func putBack(_ task: TaskID) {
        guard let run = ledger.runs[task] else { return }
        runs[run]?.putBack(ledger.original(task))
        closeIfDone(run)
    }

    private func resolve(_ task: TaskID, completed: Bool) {
        guard let run = ledger.runs[task] else { return }
        endedAt = now
        runs[run]?.resolve(ledger.original(task), completed: completed)
        closeIfDone(run)
    }

    private func closeIfDone(_ run: RunID) {
        guard runs[run]?.unresolved.isEmpty == true, runs[run]?.isClosed == false else { return }
        runs[run]?.isClosed = true
        // The answer to a last question may still be on its way.
        agenda.add(.deliver([.runClosed(run)]), at: now.advanced(by: 3_000))
    }
}
