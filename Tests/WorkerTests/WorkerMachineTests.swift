import AnabranchCore
import Testing

@testable import Worker

/// The worker's decisions, event by event.
@Suite struct WorkerMachineTests {
    private var now = Moment(microseconds: 1_000_000)

    private func task(_ id: UInt64, timeout: UInt64? = nil) -> TaskAssignment {
        let function = ObjectRef(
            id: ObjectID(writer: WriterID(9), sequence: 1), encoding: .pickle5, length: 0, location: .inline([]))
        return TaskAssignment(
            attempt: Attempt(task: TaskID(id), number: 1), run: RunID(1), node: "f",
            limits: Limits(timeoutMilliseconds: timeout),
            work: .call(CallWork(function: function, arguments: function)))
    }

    private func native(_ id: UInt64) -> TaskAssignment {
        TaskAssignment(
            attempt: Attempt(task: TaskID(id), number: 1), run: RunID(1), node: "n",
            work: .native(NativeWork(function: "noop")))
    }

    private func done(_ task: TaskAssignment, microseconds: UInt64 = 10_000) -> TaskResult {
        var usage = Usage()
        usage.computeMicroseconds = microseconds
        return TaskResult(attempt: task.attempt, outcome: .success(Success()), usage: usage)
    }

    private func ready(slots: Int) -> WorkerMachine {
        var machine = WorkerMachine(slots: slots, host: "here")
        for slot in 0..<slots { _ = handle(&machine, .runtimeReady(SlotIndex(slot))) }
        return machine
    }

    private func handle(_ machine: inout WorkerMachine, _ event: WorkerEvent, after: UInt64 = 0) -> [WorkerEffect] {
        var effects: [WorkerEffect] = []
        machine.handle(event, at: now.advanced(byMicroseconds: after), effects: &effects)
        return effects
    }

    private func sends(_ effects: [WorkerEffect]) -> [SlotIndex: [UInt64]] {
        effects.reduce(into: [:]) { sent, effect in
            if case .send(let slot, let tasks) = effect {
                sent[slot, default: []] += tasks.map(\.attempt.task.rawValue)
            }
        }
    }

    private func reports(_ effects: [WorkerEffect]) -> [TaskResult] {
        effects.flatMap { effect -> [TaskResult] in if case .report(let results) = effect { results } else { [] } }
    }

    private func failure(_ result: TaskResult?) -> Failure? {
        if case .failure(let failure) = result?.outcome { failure } else { nil }
    }

    @Test func runtimesAreStartedWhenAPythonTaskIsThereAndNoMoreThanTasks() {
        var machine = WorkerMachine(slots: 4, host: "here")
        #expect(handle(&machine, .tick).isEmpty)
        let effects = handle(&machine, .tasksArrived([task(1), task(2)]))
        #expect(effects == [.startRuntime(SlotIndex(0)), .startRuntime(SlotIndex(1))])
        #expect(sends(handle(&machine, .runtimeReady(SlotIndex(0)))) == [SlotIndex(0): [1]])
    }

    @Test func aSlotOfUnknownSpeedGetsOneTaskAtATime() {
        var machine = ready(slots: 2)
        let tasks = (1...6).map { task(UInt64($0)) }
        #expect(sends(handle(&machine, .tasksArrived(tasks))) == [SlotIndex(0): [1], SlotIndex(1): [2]])
        let effects = handle(&machine, .runtimeAnswered(SlotIndex(1), [done(tasks[1])]))
        #expect(reports(effects).map(\.attempt) == [tasks[1].attempt])
        #expect(sends(effects) == [SlotIndex(1): [3]])
    }

    @Test func noRuntimeAnswersForATaskOfAnothersOrOneThatWaits() {
        var machine = ready(slots: 2)
        let tasks = [task(1), native(2), task(3), task(4)]
        _ = handle(&machine, .tasksArrived(tasks))
        let others = Set(machine.attempts).subtracting([tasks[0].attempt])
        #expect(others.count == 3)
        let forged = tasks.filter { others.contains($0.attempt) }.map { done($0) }
        #expect(reports(handle(&machine, .runtimeAnswered(SlotIndex(0), forged))).isEmpty)
        #expect(others.isSubset(of: Set(machine.attempts)))
        #expect(reports(handle(&machine, .runtimeAnswered(SlotIndex(0), [done(tasks[0])]))).count == 1)
    }

    @Test func tinyTasksAreHandedOverInBatches() {
        var machine = ready(slots: 1)
        let tasks = (1...40).map { task(UInt64($0)) }
        _ = handle(&machine, .tasksArrived(tasks))
        let effects = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(tasks[0], microseconds: 5)]))
        #expect((sends(effects)[SlotIndex(0)] ?? []).count == 39)
    }

    @Test func nativeTasksNeedNoRuntime() {
        var machine = WorkerMachine(slots: 1, host: "here")
        let effects = handle(&machine, .tasksArrived([native(1)]))
        #expect(effects.contains(.runNative(SlotIndex(0), [native(1)])))
        #expect(reports(handle(&machine, .nativeFinished(SlotIndex(0), [done(native(1))]))).count == 1)
        #expect(machine.attempts.isEmpty)
    }

    @Test func aRuntimeThatDiesCostsTheTaskThatItRanAndNoOther() {
        var machine = ready(slots: 1)
        let tasks = (1...5).map { task(UInt64($0)) }
        _ = handle(&machine, .tasksArrived(tasks))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(tasks[0])]))
        _ = handle(&machine, .runtimeBegan(SlotIndex(0), tasks[1].attempt.task))
        let exit = RuntimeExit(signal: 6, status: 0, peakMemoryBytes: 77, outputTail: "last words")
        let effects = handle(&machine, .runtimeExited(SlotIndex(0), exit))
        let lost = reports(effects)
        #expect(lost.map(\.attempt) == [tasks[1].attempt])
        #expect(failure(lost.first)?.kind == .killed)
        #expect(failure(lost.first)?.message.contains("SIGABRT") == true)
        #expect(failure(lost.first)?.outputTail == "last words")
        #expect(failure(lost.first)?.peakMemoryBytes == 77)
        #expect(effects.contains(.startRuntime(SlotIndex(0))))
        #expect(sends(handle(&machine, .runtimeReady(SlotIndex(0))))[SlotIndex(0)]?.first == 3)
    }

    @Test func aTaskPastItsLimitLosesItsRuntime() {
        var machine = ready(slots: 1)
        _ = handle(&machine, .tasksArrived([task(1, timeout: 50)]))
        #expect(machine.nextDeadline(after: now) == now.advanced(byMicroseconds: 50_000))
        #expect(handle(&machine, .tick, after: 49_999).isEmpty)
        #expect(handle(&machine, .tick, after: 50_000) == [.killRuntime(SlotIndex(0))])
        let exit = RuntimeExit(signal: 9, status: 0)
        let lost = reports(handle(&machine, .runtimeExited(SlotIndex(0), exit), after: 51_000))
        #expect(failure(lost.first)?.kind == .timeout)
        #expect(failure(lost.first)?.message.contains("50 ms") == true)
    }

    @Test func cancellingDropsWhatWaitsAndKillsWhatRuns() {
        var machine = ready(slots: 1)
        let tasks = (1...3).map { task(UInt64($0)) }
        _ = handle(&machine, .tasksArrived(tasks))
        let queued = reports(handle(&machine, .cancelRequested([tasks[2].attempt])))
        #expect(failure(queued.first)?.kind == .cancelled)
        #expect(handle(&machine, .cancelRequested([tasks[0].attempt])) == [.killRuntime(SlotIndex(0))])
        let exit = RuntimeExit(signal: 9, status: 0)
        let running = reports(handle(&machine, .runtimeExited(SlotIndex(0), exit)))
        #expect(running.map(\.attempt) == [tasks[0].attempt])
        #expect(failure(running.first)?.kind == .cancelled)
        #expect(machine.attempts == [tasks[1].attempt])
    }

    @Test func whatWaitsBehindALongTaskInsideARuntimeMovesToAnIdleSlot() {
        var machine = ready(slots: 2)
        let tasks = (1...8).map { task(UInt64($0)) }
        _ = handle(&machine, .tasksArrived(tasks))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(tasks[0], microseconds: 100)]))
        // Slot 0 now has several; slot 1 works through the rest and falls idle while slot 0's first takes its time.
        while !machine.slots[1].isIdle {
            let head = machine.slots[1].python[0].task
            _ = handle(&machine, .runtimeAnswered(SlotIndex(1), [done(head, microseconds: 100)]))
        }
        let held = machine.slots[0].python.map(\.task)
        #expect(held.count > 1)
        #expect(machine.nextDeadline(after: now) != nil)
        let asked = handle(&machine, .tick, after: WorkerMachine.stealAfterMicroseconds)
        #expect(asked == [.withdraw(SlotIndex(0), held.dropFirst().map(\.attempt))])
        // Nobody else gets them before it is certain that they are not begun here.
        let first = held[0].attempt.task
        let effects = handle(&machine, .runtimeWithdrew(SlotIndex(0), begun: first), after: 30_000)
        #expect(sends(effects)[SlotIndex(1)]?.first == held[1].attempt.task.rawValue)
        // The runtime's own answer for a withdrawn task is not reported a second time.
        let giveBack = TaskResult(
            attempt: held[1].attempt, outcome: .failure(Failure(kind: .cancelled, message: "not begun")))
        #expect(reports(handle(&machine, .runtimeAnswered(SlotIndex(0), [giveBack]))).isEmpty)
        #expect(machine.attempts.count { $0 == held[1].attempt } == 1)
    }

    @Test func drainingReturnsTheQueueFinishesWhatRunsAndLeavesOnce() {
        var machine = ready(slots: 1)
        let tasks = (1...2).map { task(UInt64($0)) }
        _ = handle(&machine, .tasksArrived(tasks))
        let effects = handle(&machine, .drainRequested)
        #expect(reports(effects).map(\.attempt) == [tasks[1].attempt])
        #expect(!effects.contains(.leave))
        let late = reports(handle(&machine, .tasksArrived([task(7)])))
        #expect(failure(late.first)?.kind == .cancelled)
        #expect(handle(&machine, .runtimeAnswered(SlotIndex(0), [done(tasks[0])])).contains(.leave))
        #expect(!handle(&machine, .tick).contains(.leave))
    }

    @Test func anInterpreterThatDoesNotStartFailsItsTasksByName() {
        var machine = WorkerMachine(slots: 1, host: "here")
        _ = handle(&machine, .tasksArrived([task(1), native(2), task(3)]))
        let exit = RuntimeExit(signal: nil, status: 1, outputTail: "No module named anabranch")
        #expect(reports(handle(&machine, .runtimeExited(SlotIndex(0), exit))).isEmpty)
        let pause = WorkerMachine.startPauseMicroseconds
        #expect(handle(&machine, .tick, after: pause - 1).isEmpty)
        #expect(handle(&machine, .tick, after: pause) == [.startRuntime(SlotIndex(0))])
        let failed = reports(handle(&machine, .runtimeExited(SlotIndex(0), exit), after: pause))
        #expect(failed.map(\.attempt.task.rawValue) == [1, 3])
        #expect(failure(failed.first)?.outputTail == "No module named anabranch")
        #expect(machine.attempts == [native(2).attempt])
    }

    @Test func aNewEpochForgetsEverything() {
        var machine = ready(slots: 1)
        _ = handle(&machine, .tasksArrived([task(1), task(2)]))
        #expect(handle(&machine, .epochEnded).contains(.killRuntime(SlotIndex(0))))
        #expect(machine.attempts.isEmpty)
        #expect(reports(handle(&machine, .runtimeExited(SlotIndex(0), RuntimeExit(signal: 9, status: 0)))).isEmpty)
    }

    @Test func ofSeveralTasksInARuntimeThatDiedTheOneThatKillsItAgainIsToBlame() throws {
        var machine = ready(slots: 1)
        let tasks = (1...9).map { task(UInt64($0)) }
        _ = handle(&machine, .tasksArrived([tasks[0]]))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(tasks[0], microseconds: 100)]))
        #expect(sends(handle(&machine, .tasksArrived(Array(tasks[1...])))) == [SlotIndex(0): Array(2...9)])
        // 2 may be done and its answer kept back: nobody is blamed yet.
        let exit = RuntimeExit(signal: 6, status: 0)
        #expect(handle(&machine, .runtimeExited(SlotIndex(0), exit)) == [.startRuntime(SlotIndex(0))])
        #expect(sends(handle(&machine, .runtimeReady(SlotIndex(0)))) == [SlotIndex(0): [2]])
        #expect(sends(handle(&machine, .runtimeAnswered(SlotIndex(0), [done(tasks[1])]))) == [SlotIndex(0): [3]])
        let blamed = reports(handle(&machine, .runtimeExited(SlotIndex(0), exit)))
        #expect(blamed.map(\.attempt) == [tasks[2].attempt])
        #expect(failure(blamed.first)?.kind == .killed)
        #expect(sends(handle(&machine, .runtimeReady(SlotIndex(0)))) == [SlotIndex(0): [4]])
    }

    @Test func aTaskThatCameToADyingRuntimeIsToBlameTheSecondTime() {
        var machine = ready(slots: 1)
        _ = handle(&machine, .tasksArrived([task(1)]))
        _ = handle(&machine, .runtimeBegan(SlotIndex(0), TaskID(1)))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(task(1))]))
        let exit = RuntimeExit(signal: 9, status: 0)
        for round in 0...1 {
            if round == 0 { _ = handle(&machine, .tasksArrived([task(2)])) }
            #expect(machine.attempts == [task(2).attempt])
            let lost = reports(handle(&machine, .runtimeExited(SlotIndex(0), exit)))
            #expect(lost.map(\.attempt) == (round == 0 ? [] : [task(2).attempt]))
            _ = handle(&machine, .runtimeReady(SlotIndex(0)))
        }
    }

    @Test func aRuntimeThatHasBegunNothingCostsNoTask() {
        var machine = ready(slots: 1)
        _ = handle(&machine, .tasksArrived([task(1)]))
        let exit = RuntimeExit(signal: 9, status: 0)
        #expect(handle(&machine, .runtimeExited(SlotIndex(0), exit)) == [.startRuntime(SlotIndex(0))])
        #expect(sends(handle(&machine, .runtimeReady(SlotIndex(0)))) == [SlotIndex(0): [1]])
        #expect(reports(handle(&machine, .runtimeAnswered(SlotIndex(0), [done(task(1))]))) == [done(task(1))])
    }

    @Test func answersThatALongTaskKeepsBackAreAskedForOnce() {
        var machine = ready(slots: 1)
        let tasks = (1...4).map { task(UInt64($0)) }
        _ = handle(&machine, .tasksArrived([tasks[0]]))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(tasks[0], microseconds: 100)]))
        _ = handle(&machine, .tasksArrived(Array(tasks[1...])))
        #expect(handle(&machine, .runtimeBegan(SlotIndex(0), TaskID(3)), after: 1_000).isEmpty)
        let later = now.advanced(byMicroseconds: 1_000)
        #expect(machine.nextDeadline(after: later) == now.advanced(byMicroseconds: 21_000))
        #expect(handle(&machine, .tick, after: 21_000) == [.askForAnswers(SlotIndex(0))])
        #expect(handle(&machine, .tick, after: 42_000).isEmpty)
    }

    @Test func garbageIsTheFaultOfTheOneThatWritesItAlone() {
        var machine = ready(slots: 1)
        let tasks = (1...4).map { task(UInt64($0)) }
        _ = handle(&machine, .tasksArrived([tasks[0]]))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(tasks[0], microseconds: 100)]))
        _ = handle(&machine, .tasksArrived(Array(tasks[1...])))
        _ = handle(&machine, .runtimeBegan(SlotIndex(0), TaskID(3)))
        var exit = RuntimeExit(signal: nil, status: 70, lostItsSocket: true)
        exit.wroteGarbage = true
        #expect(reports(handle(&machine, .runtimeExited(SlotIndex(0), exit))).isEmpty)
        #expect(sends(handle(&machine, .runtimeReady(SlotIndex(0)))) == [SlotIndex(0): [2]])
        let blamed = reports(handle(&machine, .runtimeExited(SlotIndex(0), exit)))
        #expect(blamed.map(\.attempt) == [tasks[1].attempt])
        #expect(failure(blamed.first)?.message.contains("written to") == true)
    }

    @Test func aTaskThatAnsweredWhileItsKillWasOnTheWayLeavesNoBlameToTheNext() {
        var machine = ready(slots: 1)
        let tasks = (1...4).map { task(UInt64($0)) }
        _ = handle(&machine, .tasksArrived([tasks[0]]))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(tasks[0], microseconds: 100)]))
        _ = handle(&machine, .tasksArrived(Array(tasks[1...])))
        #expect(handle(&machine, .cancelRequested([tasks[1].attempt])) == [.killRuntime(SlotIndex(0))])
        let late = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(tasks[1], microseconds: 100)]))
        #expect(reports(late).map(\.attempt) == [tasks[1].attempt])
        let effects = handle(&machine, .runtimeExited(SlotIndex(0), RuntimeExit(signal: 9, status: 0)))
        #expect(effects == [.startRuntime(SlotIndex(0))])
        #expect(machine.attempts == tasks[2...].map(\.attempt))
    }

    @Test func tasksWithALimitAreAloneInTheirRuntime() {
        var machine = ready(slots: 1)
        let first = task(1)
        _ = handle(&machine, .tasksArrived([first]))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(first, microseconds: 100)]))
        let limited = task(2, timeout: 1_000)
        #expect(sends(handle(&machine, .tasksArrived([limited, task(3), task(4)]))) == [SlotIndex(0): [2]])
        let next = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(limited, microseconds: 100)]))
        #expect(sends(next) == [SlotIndex(0): [3, 4]])
    }

    @Test func aRuntimeThatNeverSaysHelloIsKilledAndItsTasksFailByNameOfTheInterpreter() throws {
        var machine = WorkerMachine(slots: 1, host: "here", runtimeName: "/opt/python -m anabranch.runtime")
        _ = handle(&machine, .tasksArrived([task(1)]))
        let limit = WorkerMachine.startLimitMicroseconds
        #expect(machine.nextDeadline(after: now) == now.advanced(byMicroseconds: limit))
        #expect(handle(&machine, .tick, after: limit - 1).isEmpty)
        #expect(handle(&machine, .tick, after: limit) == [.killRuntime(SlotIndex(0))])
        // A hello that crossed with the kill changes nothing.
        #expect(handle(&machine, .runtimeReady(SlotIndex(0)), after: limit).isEmpty)
        let exit = RuntimeExit(signal: 9, status: 0, outputTail: "importing")
        #expect(handle(&machine, .runtimeExited(SlotIndex(0), exit), after: limit).isEmpty)
        let pause = limit + WorkerMachine.startPauseMicroseconds
        #expect(machine.nextDeadline(after: now.advanced(byMicroseconds: limit)) == now.advanced(byMicroseconds: pause))
        #expect(handle(&machine, .tick, after: pause) == [.startRuntime(SlotIndex(0))])
        _ = handle(&machine, .tick, after: pause + limit)
        let doomed = reports(handle(&machine, .runtimeExited(SlotIndex(0), exit), after: pause + limit))
        let cause = try #require(failure(doomed.first))
        #expect(cause.message.contains("/opt/python -m anabranch.runtime") && cause.outputTail == "importing")
    }

    @Test func oneSlotThatDoesNotStartDoomsNothingWhileAnotherRuns() {
        var machine = WorkerMachine(slots: 2, host: "here")
        _ = handle(&machine, .tasksArrived((1...3).map { task(UInt64($0)) }))
        _ = handle(&machine, .runtimeReady(SlotIndex(0)))
        var at: UInt64 = 0
        for _ in 0..<5 {
            let refused = handle(&machine, .runtimeUnstartable(SlotIndex(1), reason: "no memory"), after: at)
            #expect(reports(refused).isEmpty)
            at += 20 * WorkerMachine.startPauseMicroseconds
            #expect(handle(&machine, .tick, after: at) == [.startRuntime(SlotIndex(1))])
        }
        #expect(machine.attempts.count == 3)
    }

    @Test func drainingAlsoReturnsWhatARuntimeHasNotBegun() {
        var machine = ready(slots: 1)
        let tasks = (1...4).map { task(UInt64($0)) }
        _ = handle(&machine, .tasksArrived([tasks[0]]))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(tasks[0], microseconds: 100)]))
        _ = handle(&machine, .tasksArrived(Array(tasks[1...])))
        let effects = handle(&machine, .drainRequested)
        #expect(effects == [.withdraw(SlotIndex(0), tasks[2...].map(\.attempt))])
        let begun = tasks[1].attempt.task
        let returned = handle(&machine, .runtimeWithdrew(SlotIndex(0), begun: begun))
        #expect(reports(returned).map(\.attempt) == tasks[2...].map(\.attempt))
        #expect(machine.attempts == [tasks[1].attempt])
        #expect(reports(handle(&machine, .runtimeAnswered(SlotIndex(0), [done(tasks[1])]))).count == 1)
        let last = handle(&machine, .runtimeAnswered(SlotIndex(0), tasks[2...].map(notBegun)))
        #expect(last == [.leave])
    }

    @Test(arguments: [false, true])
    func whatTheRuntimeHadBegunAfterAllIsSaidToBeDoneAndNotGivenBack(isDrain: Bool) {
        var machine = busy(with: (2...5).map { task(UInt64($0)) })
        let asked =
            isDrain
            ? handle(&machine, .drainRequested)
            : handle(&machine, .cancelRequested((3...5).map { task($0).attempt }))
        // Its arguments are in use for as long as it may run: nothing is said before that is known.
        #expect(reports(asked).isEmpty && machine.attempts.count == 4)
        // It went on to 4 before it could see the withdrawal: 3 is done, 5 it will not begin.
        let seen = handle(&machine, .runtimeWithdrew(SlotIndex(0), begun: TaskID(4)))
        #expect(reports(seen).map(\.attempt) == [task(5).attempt])
        #expect(seen.contains(.killRuntime(SlotIndex(0))) == !isDrain, "what is cancelled and runs is killed")
        let answers = [done(task(2)), done(task(3)), notBegun(task(5))]
        let told = reports(handle(&machine, .runtimeAnswered(SlotIndex(0), answers)))
        #expect(told == [done(task(2)), done(task(3))], "the coordinator frees what they name")
        #expect(machine.attempts == [task(4).attempt])
    }

    @Test func whatTheRuntimeGivesBackOrTakesWithItIsAnsweredOnce() {
        var machine = busy(with: (2...4).map { task(UInt64($0)) })
        _ = handle(&machine, .cancelRequested([task(3).attempt, task(4).attempt]))
        let given = reports(handle(&machine, .runtimeAnswered(SlotIndex(0), [done(task(2)), notBegun(task(3))])))
        #expect(given.map(\.attempt) == [task(2).attempt, task(3).attempt])
        let ended = handle(&machine, .runtimeExited(SlotIndex(0), RuntimeExit(signal: 9, status: 0)))
        #expect(reports(ended).map(\.attempt) == [task(4).attempt])
        #expect(machine.attempts.isEmpty)
    }

    @Test func aTaskIsNeverAtTwoSlots() {
        var machine = busy(with: (2...4).map { task(UInt64($0)) }, slots: 2)
        let late = WorkerMachine.stealAfterMicroseconds
        #expect(handle(&machine, .tick, after: late) == [.withdraw(SlotIndex(0), (3...4).map { task($0).attempt })])
        #expect(handle(&machine, .tick, after: 2 * late).isEmpty, "nothing is asked twice")
        // 3 had begun; 4 goes to the other slot.
        let moved = handle(&machine, .runtimeWithdrew(SlotIndex(0), begun: TaskID(3)), after: 2 * late)
        #expect(sends(moved) == [SlotIndex(1): [4]])
        let here = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(task(2)), done(task(3)), notBegun(task(4))]))
        #expect(reports(here) == [done(task(2)), done(task(3))])
        #expect(reports(handle(&machine, .runtimeAnswered(SlotIndex(1), [done(task(4))]))) == [done(task(4))])
        #expect(machine.attempts.isEmpty)
    }

    private func wide(_ id: UInt64, threads: UInt32) -> TaskAssignment {
        var task = task(id)
        task.limits.threads = threads
        return task
    }

    @Test func aTaskOfSeveralCoresTakesTheirSlots() {
        var machine = ready(slots: 3)
        let two = wide(2, threads: 2)
        let first = handle(&machine, .tasksArrived([task(1), two, task(3), native(4)]))
        #expect(sends(first) == [SlotIndex(0): [1], SlotIndex(1): [2]])
        #expect(machine.idleSlots == 0, "three slots are taken by two tasks")
        #expect(sends(handle(&machine, .runtimeAnswered(SlotIndex(0), [done(task(1))]))) == [SlotIndex(0): [3]])
        let last = handle(&machine, .runtimeAnswered(SlotIndex(1), [done(two)]))
        #expect(last.contains(.runNative(SlotIndex(1), [native(4)])))
    }

    @Test func nothingPassesATaskThatWaitsForItsCores() {
        var machine = ready(slots: 2)
        let two = wide(2, threads: 2)
        #expect(sends(handle(&machine, .tasksArrived([task(1), two, task(3)]))) == [SlotIndex(0): [1]])
        #expect(sends(handle(&machine, .runtimeAnswered(SlotIndex(0), [done(task(1))]))) == [SlotIndex(0): [2]])
        #expect(sends(handle(&machine, .runtimeAnswered(SlotIndex(0), [done(two)]))) == [SlotIndex(0): [3]])
    }

    @Test(arguments: [(1, 1), (4, 1), (5, 2), (8, 2), (9, 3), (4_000_000_000, 3)] as [(UInt32, Int)])
    func coresAreCountedInWholeSlots(threads: UInt32, slots: Int) {
        var machine = WorkerMachine(slots: 3, threadsPerSlot: 4, host: "here")
        for slot in 0..<3 { _ = handle(&machine, .runtimeReady(SlotIndex(slot))) }
        _ = handle(&machine, .tasksArrived([wide(1, threads: threads)]))
        #expect(machine.idleSlots == 3 - slots)
    }

    /// A machine whose first runtime has all of these, and the others nothing.
    private func busy(with tasks: [TaskAssignment], slots: Int = 1) -> WorkerMachine {
        var machine = WorkerMachine(slots: slots, host: "here")
        _ = handle(&machine, .tasksArrived([task(1)]))
        _ = handle(&machine, .runtimeReady(SlotIndex(0)))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(task(1), microseconds: 100)]))
        for task in tasks { _ = handle(&machine, .tasksArrived([task])) }
        for slot in 1..<max(slots, 1) { _ = handle(&machine, .runtimeReady(SlotIndex(slot))) }
        return machine
    }

    private func notBegun(_ task: TaskAssignment) -> TaskResult {
        TaskResult(attempt: task.attempt, outcome: .failure(Failure(kind: .cancelled, message: "not begun")))
    }

    @Test func answersOfAnEpochThatHasEndedAreNotTakenForThoseOfTheNext() {
        var machine = ready(slots: 2)
        _ = handle(&machine, .tasksArrived([task(1), native(2)]))
        #expect(handle(&machine, .epochEnded) == [.killRuntime(SlotIndex(0))])
        #expect(machine.attempts.isEmpty)
        // The new coordinator counts from 1 too.
        _ = handle(&machine, .tasksArrived([native(2), task(1)]))
        #expect(reports(handle(&machine, .runtimeAnswered(SlotIndex(0), [done(task(1))]))).isEmpty)
        #expect(reports(handle(&machine, .nativeFinished(SlotIndex(1), [done(native(2))]))).isEmpty)
        _ = handle(&machine, .runtimeExited(SlotIndex(0), RuntimeExit(signal: 9, status: 0)))
        #expect(Set(machine.attempts) == [native(2).attempt, task(1).attempt])
    }

    @Test func whatTheRuntimeWasSeenToRunIsWhatIsKilledStolenAroundAndBlamed() {
        var machine = ready(slots: 1)
        let tasks = (1...6).map { task(UInt64($0)) }
        _ = handle(&machine, .tasksArrived([tasks[0]]))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(tasks[0], microseconds: 100)]))
        _ = handle(&machine, .tasksArrived(Array(tasks[1...])))
        _ = handle(&machine, .runtimeBegan(SlotIndex(0), TaskID(4)))
        // 2 and 3 are done, 5 and 6 are not begun.
        #expect(handle(&machine, .cancelRequested([tasks[3].attempt])) == [.killRuntime(SlotIndex(0))])
        let ended = handle(&machine, .runtimeExited(SlotIndex(0), RuntimeExit(signal: 9, status: 0)))
        #expect(reports(ended).map(\.attempt) == [tasks[3].attempt])
        #expect(failure(reports(ended).first)?.kind == .cancelled)
        #expect(machine.attempts == [1, 2, 4, 5].map { tasks[$0].attempt })

        _ = handle(&machine, .runtimeReady(SlotIndex(0)))
        _ = handle(&machine, .runtimeBegan(SlotIndex(0), TaskID(5)))
        let died = handle(&machine, .runtimeExited(SlotIndex(0), RuntimeExit(signal: 11, status: 0)))
        #expect(reports(died).map(\.attempt) == [tasks[4].attempt])
        #expect(machine.attempts == [1, 2, 5].map { tasks[$0].attempt })
    }

    @Test func whatIsDoneAndUnansweredIsNotDoneTwiceForAnIdleSlot() {
        var machine = ready(slots: 2)
        let tasks = (1...12).map { task(UInt64($0)) }
        _ = handle(&machine, .tasksArrived(Array(tasks[..<2])))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(0), [done(tasks[0], microseconds: 100)]))
        _ = handle(&machine, .runtimeAnswered(SlotIndex(1), [done(tasks[1], microseconds: 100)]))
        _ = handle(&machine, .tasksArrived(Array(tasks[2...])))
        let here = machine.slots[0].python.map(\.task)
        _ = handle(&machine, .runtimeBegan(SlotIndex(0), here[2].attempt.task), after: 1_000)
        while case let there = machine.slots[1].python.map(\.task), !there.isEmpty {
            let answers = there.map { done($0, microseconds: 100) }
            let effects = handle(&machine, .runtimeAnswered(SlotIndex(1), answers), after: 2_000)
            #expect(!effects.contains { if case .withdraw = $0 { true } else { false } })
        }
        let stolen = handle(&machine, .tick, after: 1_000 + WorkerMachine.stealAfterMicroseconds)
        let behind = machine.slots[0].python.map(\.task.attempt).drop { $0 != here[3].attempt }
        #expect(stolen == [.withdraw(SlotIndex(0), Array(behind)), .askForAnswers(SlotIndex(0))])
        let moved = handle(&machine, .runtimeWithdrew(SlotIndex(0), begun: here[2].attempt.task), after: 30_000)
        #expect(sends(moved)[SlotIndex(1)]?.first == here[3].attempt.task.rawValue)
        #expect(machine.slots[0].python.prefix(3).allSatisfy { $0.withdrawal == nil })
    }
}
