import AnabranchCore
import Testing

@testable import Worker

/// The worker's decisions, event by event.
@Suite struct WorkerMachineTests: WorkerMachineDriving {
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
        var machine = WorkerMachine(
            slots: 1, host: "here", runtimeName: "/opt/python -m anabranch.runtime", startLimitSeconds: 7.5)
        _ = handle(&machine, .tasksArrived([task(1)]))
        let limit: UInt64 = 7_500_000
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
        #expect(cause.message.contains("within 7.5 s, the limit for its start (--start-timeout)"))
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
