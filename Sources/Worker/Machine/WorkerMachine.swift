import AnabranchCore
import DequeModule

/// What the worker decides: which slot runs what, when a runtime is started or killed, what is answered.
///
/// Pure: the shell (`Worker`) feeds events and performs effects. All tasks wait in one queue that the slots share, so that no
/// task waits behind another while a slot is idle.
public struct WorkerMachine: Sendable {
    /// A runtime that works on its first task for longer than this loses what it has not begun to an idle slot.
    static let stealAfterMicroseconds: UInt64 = 20_000
    /// Starts of a runtime that may fail in a row before its tasks do.
    static let startAttempts = 2

    private(set) var slots: [WorkerSlot]
    private(set) var queue: Deque<TaskAssignment> = []
    private(set) var isDraining = false
    private var hasLeft = false
    let host: String

    public init(slots: Int, host: String) {
        precondition(slots > 0)
        self.slots = Array(repeating: WorkerSlot(), count: slots)
        self.host = host
    }

    public mutating func handle(_ event: WorkerEvent, at now: Moment, effects: inout [WorkerEffect]) {
        switch event {
        case .tasksArrived(let tasks):
            if isDraining {
                effects.append(.report(tasks.map { cancelled($0.attempt, "the worker is leaving") }))
            } else {
                queue.append(contentsOf: tasks)
            }
        case .cancelRequested(let attempts): cancel(attempts, effects: &effects)
        case .drainRequested:
            isDraining = true
            if !queue.isEmpty {
                effects.append(.report(queue.map { cancelled($0.attempt, "the worker is leaving") }))
                queue.removeAll()
            }
        case .epochEnded: forgetAll(effects: &effects)
        case .runtimeReady(let slot):
            slots[slot.rawValue].runtime = .ready
            slots[slot.rawValue].failedStarts = 0
        case .runtimeAnswered(let slot, let results): answered(slot, results, at: now, effects: &effects)
        case .runtimeExited(let slot, let exit): exited(slot, exit, effects: &effects)
        case .runtimeUnstartable(let slot, let reason): unstartable(slot, reason, effects: &effects)
        case .nativeFinished(let slot, let results): nativeFinished(slot, results, effects: &effects)
        case .tick: break
        }
        enforceDeadlines(at: now, effects: &effects)
        assign(at: now, effects: &effects)
        steal(at: now, effects: &effects)
        if isDraining && !hasLeft && queue.isEmpty && slots.allSatisfy(\.isIdle) {
            hasLeft = true
            effects.append(.leave)
        }
    }

    /// Every attempt that is here, queued or running.
    public var attempts: [Attempt] {
        queue.map(\.attempt)
            + slots.flatMap { slot in
                slot.python.filter { !$0.isWithdrawn }.map(\.task.attempt) + slot.native.map(\.attempt)
            }
    }

    public var idleSlots: Int { slots.count(where: \.isIdle) }

    /// When a tick is wanted next; what lies before `now` has been seen to.
    public func nextDeadline(after now: Moment) -> Moment? {
        var next: Moment?
        for slot in slots {
            guard let head = slot.python.first, slot.runtime == .ready else { continue }
            var candidates: [Moment] = []
            if let timeout = head.task.limits.timeoutMilliseconds {
                candidates.append(slot.headSince.advanced(byMicroseconds: timeout * 1_000))
            }
            if slot.python.count > 1 {
                candidates.append(slot.headSince.advanced(byMicroseconds: Self.stealAfterMicroseconds))
            }
            for candidate in candidates where candidate > now { next = min(next ?? candidate, candidate) }
        }
        return next
    }
}

// MARK: - Answers

extension WorkerMachine {
    private mutating func answered(
        _ index: SlotIndex, _ results: [TaskResult], at now: Moment, effects: inout [WorkerEffect]
    ) {
        var reported: [TaskResult] = []
        for result in results {
            let i = index.rawValue
            // Runtimes answer in order; a withdrawn task that was given back is answered like any other.
            guard let place = slots[i].python.firstIndex(where: { $0.task.attempt == result.attempt }) else { continue }
            let committed = slots[i].python.remove(at: place)
            if place == 0 { slots[i].headSince = now }
            if committed.isWithdrawn {
                if case .success = result.outcome, withdrawElsewhere(result.attempt, except: index, effects: &effects) {
                    reported.append(result)
                }
                continue
            }
            slots[i].measured(result.usage.computeMicroseconds)
            reported.append(result)
        }
        if !reported.isEmpty { effects.append(.report(reported)) }
    }

    /// A withdrawn task was done after all: take it away from where it went. False when it has been answered there.
    private mutating func withdrawElsewhere(
        _ attempt: Attempt, except: SlotIndex, effects: inout [WorkerEffect]
    ) -> Bool {
        if let place = queue.firstIndex(where: { $0.attempt == attempt }) {
            queue.remove(at: place)
            return true
        }
        for i in slots.indices where i != except.rawValue {
            guard let place = slots[i].python.firstIndex(where: { $0.task.attempt == attempt && !$0.isWithdrawn })
            else { continue }
            slots[i].python[place].isWithdrawn = true
            if place > 0 { effects.append(.withdraw(SlotIndex(i), [attempt])) }
            return true
        }
        return false
    }

    private mutating func nativeFinished(
        _ index: SlotIndex, _ results: [TaskResult], effects: inout [WorkerEffect]
    ) {
        let known = Set(slots[index.rawValue].native.map(\.attempt))
        let reported = results.filter { known.contains($0.attempt) }
        let done = Set(results.map(\.attempt))
        slots[index.rawValue].native.removeAll { done.contains($0.attempt) }
        for result in reported { slots[index.rawValue].measured(result.usage.computeMicroseconds) }
        if !reported.isEmpty { effects.append(.report(reported)) }
    }
}

// MARK: - Ends

extension WorkerMachine {
    private mutating func exited(_ index: SlotIndex, _ exit: RuntimeExit, effects: inout [WorkerEffect]) {
        let i = index.rawValue
        let before = slots[i].runtime
        slots[i].runtime = .absent
        if before == .starting {
            let how = exit.signal.map { "signal \($0)" } ?? "status \(exit.status)"
            return startFailed(
                index, "the Python runtime ended with \(how) before it was ready", tail: exit.outputTail,
                effects: &effects)
        }
        if let head = slots[i].python.popFirst(), !head.isWithdrawn {
            effects.append(.report([failed(head.task, before: before, exit: exit, slot: index)]))
        }
        requeue(i)
    }

    private func failed(
        _ task: TaskAssignment, before: WorkerSlot.Runtime, exit: RuntimeExit, slot: SlotIndex
    ) -> TaskResult {
        var failure = Failure(
            kind: .killed, message: "", outputTail: exit.outputTail, host: host, slot: UInt32(slot.rawValue),
            peakMemoryBytes: exit.peakMemoryBytes)
        switch before {
        case .dying(.timeout):
            failure.kind = .timeout
            failure.message =
                "still running after its limit of \(task.limits.timeoutMilliseconds ?? 0) ms (timeout=); its runtime was killed"
        case .dying(let kind):
            failure.kind = kind
            failure.message = "cancelled while it ran"
        default:
            if let signal = exit.signal {
                failure.message =
                    "the Python runtime was killed by signal \(signal) (\(SignalName.of(signal))) under this task"
            } else {
                failure.message = "the Python runtime ended with status \(exit.status) under this task"
            }
        }
        return TaskResult(attempt: task.attempt, outcome: .failure(failure))
    }

    private mutating func unstartable(_ index: SlotIndex, _ reason: String, effects: inout [WorkerEffect]) {
        slots[index.rawValue].runtime = .absent
        startFailed(index, reason, tail: "", effects: &effects)
    }

    /// A task is not tried for ever on an interpreter that does not start: the waiting Python tasks fail, by name of the cause.
    private mutating func startFailed(
        _ index: SlotIndex, _ reason: String, tail: String, effects: inout [WorkerEffect]
    ) {
        let i = index.rawValue
        slots[i].failedStarts += 1
        requeue(i)
        guard slots[i].failedStarts >= Self.startAttempts else { return }
        slots[i].failedStarts = 0
        let doomed = queue.filter { !$0.work.isNative }
        queue.removeAll { !$0.work.isNative }
        effects.append(
            .report(
                doomed.map { task in
                    TaskResult(
                        attempt: task.attempt,
                        outcome: .failure(
                            Failure(kind: .killed, message: reason, outputTail: tail, host: host, slot: UInt32(i))))
                }))
    }

    /// What the slot's runtime had not begun goes back to the front of the queue, in order.
    private mutating func requeue(_ i: Int) {
        for committed in slots[i].python.reversed() where !committed.isWithdrawn { queue.prepend(committed.task) }
        slots[i].python.removeAll()
    }

    private mutating func forgetAll(effects: inout [WorkerEffect]) {
        queue.removeAll()
        for i in slots.indices {
            slots[i].native.removeAll()
            if slots[i].python.isEmpty { continue }
            for place in slots[i].python.indices { slots[i].python[place].isWithdrawn = true }
            kill(i, because: .cancelled, effects: &effects)
        }
    }
}

// MARK: - Cancelling and deadlines

extension WorkerMachine {
    private mutating func cancel(_ attempts: [Attempt], effects: inout [WorkerEffect]) {
        for attempt in attempts {
            if let place = queue.firstIndex(where: { $0.attempt == attempt }) {
                queue.remove(at: place)
                effects.append(.report([cancelled(attempt, "cancelled before it ran")]))
                continue
            }
            for i in slots.indices {
                guard let place = slots[i].python.firstIndex(where: { $0.task.attempt == attempt && !$0.isWithdrawn })
                else { continue }
                if place == 0 {
                    kill(i, because: .cancelled, effects: &effects)
                } else {
                    slots[i].python[place].isWithdrawn = true
                    effects.append(.withdraw(SlotIndex(i), [attempt]))
                    effects.append(.report([cancelled(attempt, "cancelled before it ran")]))
                }
            }
        }
    }

    private mutating func kill(_ i: Int, because kind: FailureKind, effects: inout [WorkerEffect]) {
        guard slots[i].runtime == .ready else { return }
        slots[i].runtime = .dying(kind)
        effects.append(.killRuntime(SlotIndex(i)))
    }

    private mutating func enforceDeadlines(at now: Moment, effects: inout [WorkerEffect]) {
        for i in slots.indices {
            guard slots[i].runtime == .ready, let head = slots[i].python.first,
                let timeout = head.task.limits.timeoutMilliseconds,
                now.microseconds(since: slots[i].headSince) >= timeout * 1_000
            else { continue }
            kill(i, because: .timeout, effects: &effects)
        }
    }

    private func cancelled(_ attempt: Attempt, _ message: String) -> TaskResult {
        TaskResult(attempt: attempt, outcome: .failure(Failure(kind: .cancelled, message: message, host: host)))
    }
}

// MARK: - Handing over

extension WorkerMachine {
    private mutating func assign(at now: Moment, effects: inout [WorkerEffect]) {
        var wantsRuntime = queue.count { !$0.work.isNative }
        for i in slots.indices where !queue.isEmpty {
            let slot = slots[i]
            if slot.runtime == .starting { wantsRuntime -= 1 }
            guard slot.native.isEmpty, slot.python.count < max(1, slot.window / 2) else { continue }
            // Nothing is put behind a task that turned out to be long.
            guard slot.python.isEmpty || now.microseconds(since: slot.headSince) < Self.stealAfterMicroseconds
            else { continue }
            if slot.python.isEmpty, let native = takeNative(limit: slot.window) {
                slots[i].native = native
                effects.append(.runNative(SlotIndex(i), native))
                effects.append(.reportStarted(native.map(\.attempt)))
                continue
            }
            switch slot.runtime {
            case .ready: commit(i, at: now, effects: &effects)
            case .absent where wantsRuntime > 0:
                wantsRuntime -= 1
                slots[i].runtime = .starting
                effects.append(.startRuntime(SlotIndex(i)))
            case .absent, .starting, .dying: break
            }
        }
    }

    /// Gives the slot its share of the Python tasks that wait.
    private mutating func commit(_ i: Int, at now: Moment, effects: inout [WorkerEffect]) {
        let share = (queue.count + slots.count - 1) / slots.count
        let room = min(slots[i].window - slots[i].python.count, max(1, share))
        var tasks: [TaskAssignment] = []
        while tasks.count < room, let first = queue.first, !first.work.isNative {
            tasks.append(queue.removeFirst())
        }
        guard !tasks.isEmpty else { return }
        if slots[i].python.isEmpty { slots[i].headSince = now }
        slots[i].python.append(contentsOf: tasks.map { Committed(task: $0) })
        effects.append(.send(SlotIndex(i), tasks))
        effects.append(.reportStarted(tasks.map(\.attempt)))
    }

    private mutating func takeNative(limit: Int) -> [TaskAssignment]? {
        guard let first = queue.first, first.work.isNative else { return nil }
        let share = (queue.count + slots.count - 1) / slots.count
        var tasks: [TaskAssignment] = []
        while tasks.count < min(limit, max(1, share)), let next = queue.first, next.work.isNative {
            tasks.append(queue.removeFirst())
        }
        return tasks
    }

    /// What waits behind a long task inside a runtime moves to a slot that has nothing to do.
    private mutating func steal(at now: Moment, effects: inout [WorkerEffect]) {
        guard queue.isEmpty, slots.contains(where: { $0.isIdle && $0.runtime == .ready }) else { return }
        for i in slots.indices where slots[i].runtime == .ready && slots[i].python.count > 1 {
            guard now.microseconds(since: slots[i].headSince) >= Self.stealAfterMicroseconds else { continue }
            var moved: [TaskAssignment] = []
            for place in slots[i].python.indices.dropFirst() where !slots[i].python[place].isWithdrawn {
                slots[i].python[place].isWithdrawn = true
                moved.append(slots[i].python[place].task)
            }
            guard !moved.isEmpty else { continue }
            effects.append(.withdraw(SlotIndex(i), moved.map(\.attempt)))
            queue.append(contentsOf: moved)
            assign(at: now, effects: &effects)
            return
        }
    }
}

extension Work {
    var isNative: Bool {
        if case .native = self { true } else { false }
    }
}
