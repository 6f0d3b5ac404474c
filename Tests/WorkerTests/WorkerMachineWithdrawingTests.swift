import AnabranchCore
import Testing

@testable import Worker

/// What a runtime has not begun, and is asked to give back.
@Suite struct WorkerMachineWithdrawingTests: WorkerMachineDriving {
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
}
