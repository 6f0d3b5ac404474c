import AnabranchCore
import Testing

@testable import Worker

/// The worker's decisions about tasks that wait for tasks which they submitted.
@Suite struct WorkerMachineWaitingTests {
    private let start = Moment(microseconds: 1_000_000)

    private func task(_ id: UInt64, timeout: UInt64? = nil) -> TaskAssignment {
        let function = ObjectRef(
            id: ObjectID(writer: WriterID(9), sequence: 1), encoding: .pickle5, length: 0, location: .inline([]))
        return TaskAssignment(
            attempt: attempt(id), run: RunID(1), node: "f", limits: Limits(timeoutMilliseconds: timeout),
            work: .call(CallWork(function: function, arguments: function)))
    }

    private func attempt(_ id: UInt64) -> Attempt { Attempt(task: TaskID(id), number: 1) }

    private func done(_ id: UInt64, microseconds: UInt64 = 10_000) -> TaskResult {
        var usage = Usage()
        usage.computeMicroseconds = microseconds
        return TaskResult(attempt: attempt(id), outcome: .success(Success()), usage: usage)
    }

    private func ready(slots: Int = 1, mostWaiting: Int = 64) -> WorkerMachine {
        var machine = WorkerMachine(slots: slots, host: "here", mostWaiting: mostWaiting)
        for slot in 0..<slots { _ = handle(&machine, .runtimeReady(SlotIndex(slot))) }
        return machine
    }

    private func handle(_ machine: inout WorkerMachine, _ event: WorkerEvent, after: UInt64 = 0) -> [WorkerEffect] {
        var effects: [WorkerEffect] = []
        machine.handle(event, at: start.advanced(byMicroseconds: after), effects: &effects)
        return effects
    }

    private func sends(_ effects: [WorkerEffect]) -> [SlotIndex: [UInt64]] {
        effects.reduce(into: [:]) { sent, effect in
            if case .send(let slot, let tasks) = effect {
                sent[slot, default: []] += tasks.map(\.attempt.task.rawValue)
            }
        }
    }

    private func failure(_ effects: [WorkerEffect]) -> Failure? {
        for case .report(let results) in effects {
            if case .failure(let failure)? = results.first?.outcome { return failure }
        }
        return nil
    }

    @Test func anotherRuntimeStandsInForATaskThatWaits() {
        var machine = ready()
        _ = handle(&machine, .tasksArrived([task(1)]))
        #expect(handle(&machine, .runtimeWaits(SlotIndex(0), attempt(1))) == [.reportWaiting([attempt(1)])])
        #expect(handle(&machine, .tasksArrived([task(2)])) == [.startRuntime(SlotIndex(1))])
        #expect(sends(handle(&machine, .runtimeReady(SlotIndex(1)))) == [SlotIndex(1): [2]])
        _ = handle(&machine, .runtimeAnswered(SlotIndex(1), [done(2)]))
        #expect(handle(&machine, .runtimeResumed(SlotIndex(0), attempt(1))) == [.reportWaiting([])])
        #expect(machine.attempts == [attempt(1)])
    }

    @Test func whileOneTooManyRunNothingIsBegun() {
        var machine = ready()
        _ = handle(&machine, .tasksArrived([task(1)]))
        _ = handle(&machine, .runtimeWaits(SlotIndex(0), attempt(1)))
        _ = handle(&machine, .tasksArrived([task(2)]))
        _ = handle(&machine, .runtimeReady(SlotIndex(1)))
        _ = handle(&machine, .runtimeResumed(SlotIndex(0), attempt(1)))
        #expect(machine.idleSlots == -1)
        #expect(handle(&machine, .tasksArrived([task(3)])).isEmpty)
        #expect(sends(handle(&machine, .runtimeAnswered(SlotIndex(1), [done(2)]))).isEmpty)
        #expect(sends(handle(&machine, .runtimeAnswered(SlotIndex(0), [done(1)]))) == [SlotIndex(0): [3]])
    }

    @Test func whatStandsBehindATaskThatWaitsIsMoved() {
        var machine = ready()
        _ = handle(&machine, .tasksArrived([task(1)]))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(1, microseconds: 50)]))
        _ = handle(&machine, .tasksArrived([task(2), task(3)]))
        let effects = handle(&machine, .runtimeWaits(SlotIndex(0), attempt(2)))
        #expect(effects.contains(.withdraw(SlotIndex(0), [attempt(3)])))
        let moved = handle(&machine, .runtimeWithdrew(SlotIndex(0), begun: TaskID(2)))
        #expect(moved.contains(.startRuntime(SlotIndex(1))))
        #expect(sends(handle(&machine, .runtimeReady(SlotIndex(1)))) == [SlotIndex(1): [3]])
    }

    @Test func theTimeoutGoesOn() {
        var machine = ready()
        _ = handle(&machine, .tasksArrived([task(1, timeout: 1_000)]))
        _ = handle(&machine, .runtimeWaits(SlotIndex(0), attempt(1)))
        #expect(handle(&machine, .tick, after: 1_000_000).contains(.killRuntime(SlotIndex(0))))
    }

    @Test func aWaitingTaskCanBeCancelledAndWaitsNoMore() {
        var machine = ready()
        _ = handle(&machine, .tasksArrived([task(1)]))
        _ = handle(&machine, .runtimeWaits(SlotIndex(0), attempt(1)))
        let effects = handle(&machine, .cancelRequested([attempt(1)]))
        #expect(effects.contains(.killRuntime(SlotIndex(0))) && effects.contains(.reportWaiting([])))
        let ended = handle(&machine, .runtimeExited(SlotIndex(0), RuntimeExit(signal: 9, status: 0)))
        #expect(failure(ended)?.kind == .cancelled)
    }

    @Test func oneMoreThanTheLimitIsAnErrorThatNamesIt() {
        var machine = ready(mostWaiting: 1)
        _ = handle(&machine, .tasksArrived([task(1)]))
        _ = handle(&machine, .runtimeWaits(SlotIndex(0), attempt(1)))
        _ = handle(&machine, .tasksArrived([task(2)]))
        _ = handle(&machine, .runtimeReady(SlotIndex(1)))
        #expect(handle(&machine, .runtimeWaits(SlotIndex(1), attempt(2))).contains(.killRuntime(SlotIndex(1))))
        let ended = handle(&machine, .runtimeExited(SlotIndex(1), RuntimeExit(signal: 9, status: 0)))
        #expect(failure(ended)?.kind == .invalid)
        #expect(failure(ended)?.message.contains("1 others of this worker") == true)
        #expect(failure(ended)?.message.contains("--most-waiting") == true)
        #expect(machine.waitingAttempts == [attempt(1)])
    }

    @Test func aRuntimeThatIsOneTooManyIsEndedAfterAWhile() {
        var machine = ready()
        _ = handle(&machine, .tasksArrived([task(1)]))
        _ = handle(&machine, .runtimeWaits(SlotIndex(0), attempt(1)))
        _ = handle(&machine, .tasksArrived([task(2)]))
        _ = handle(&machine, .runtimeReady(SlotIndex(1)))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(1), [done(2)]))
        _ = handle(&machine, .runtimeResumed(SlotIndex(0), attempt(1)))
        let deadline = machine.nextDeadline(after: start)
        #expect(deadline == start.advanced(byMicroseconds: WorkerMachine.retireAfterMicroseconds))
        #expect(
            handle(&machine, .tick, after: WorkerMachine.retireAfterMicroseconds) == [.killRuntime(SlotIndex(1))])
        #expect(handle(&machine, .runtimeExited(SlotIndex(1), RuntimeExit(signal: 9, status: 0))).isEmpty)
        #expect(machine.attempts == [attempt(1)])
    }

    @Test func aWordOfAnEndedTaskIsNotHeard() {
        var machine = ready()
        _ = handle(&machine, .tasksArrived([task(1)]))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(1)]))
        #expect(handle(&machine, .runtimeWaits(SlotIndex(0), attempt(1))).isEmpty)
        #expect(sends(handle(&machine, .tasksArrived([task(2)]))) == [SlotIndex(0): [2]])
        #expect(handle(&machine, .runtimeWaits(SlotIndex(0), attempt(7))).isEmpty)
    }
}
