import AnabranchCore
import Testing

@testable import Worker

@Suite struct WorkerMachineHoldingBackTests {
    private static let none = ObjectRef(
        id: ObjectID(writer: WriterID(9), sequence: 1), encoding: .pickle5, length: 0, location: .inline([]))
    private static let value = ObjectRef(
        id: ObjectID(writer: WriterID(7), sequence: 5), encoding: .pickle5, length: 64,
        location: .segment(1, offset: 0))

    private var machine = WorkerMachine(slots: 1, host: "here")
    private var now = Moment(microseconds: 0)

    private func attempt(_ task: UInt64) -> Attempt { Attempt(task: TaskID(task), number: 1) }

    private func task(_ id: UInt64, after predecessor: UInt64? = nil, places: [UInt64] = [0]) -> TaskAssignment {
        TaskAssignment(
            attempt: attempt(id), run: RunID(1), node: "",
            after: predecessor.map { Predecessor(attempt: attempt($0), arguments: places) },
            work: .native(NativeWork(function: "noop", arguments: [Self.none])))
    }

    private mutating func send(_ event: WorkerEvent) -> [WorkerEffect] {
        var effects: [WorkerEffect] = []
        machine.handle(event, at: now, effects: &effects)
        return effects
    }

    private func success(_ id: UInt64, _ value: ObjectRef? = Self.value) -> TaskResult {
        TaskResult(attempt: attempt(id), outcome: .success(Success(value: value)))
    }

    private func failure(_ id: UInt64) -> TaskResult {
        TaskResult(attempt: attempt(id), outcome: .failure(Failure(kind: .exception, message: "no")))
    }

    private func ran(_ effects: [WorkerEffect]) -> [TaskAssignment] {
        var found: [TaskAssignment] = []
        for case .runNative(_, let tasks) in effects { found += tasks }
        return found
    }

    private func returned(_ effects: [WorkerEffect]) -> Set<Attempt> {
        var found: Set<Attempt> = []
        for case .report(let results) in effects {
            for result in results {
                if case .failure(let failure) = result.outcome, failure.kind == .cancelled {
                    found.insert(result.attempt)
                }
            }
        }
        return found
    }

    @Test mutating func aTaskRunsWithTheValueOfTheOneBeforeAndAheadOfTheOthers() {
        let first = send(.tasksArrived([task(1), task(2, after: 1), task(3, after: 2)]))
        #expect(ran(first).map(\.attempt) == [attempt(1)])
        #expect(Set(machine.attempts) == [attempt(1), attempt(2), attempt(3)])
        _ = send(.tasksArrived([task(4)]))
        let second = ran(send(.nativeFinished(SlotIndex(0), [success(1)])))
        #expect(second.first?.attempt == attempt(2))
        #expect(second.first?.after == nil)
        #expect(second.first?.work == .native(NativeWork(function: "noop", arguments: [Self.value])))
    }

    @Test func aTaskBehindOneThatAnswersNothingKeepsWhatStandsThere() {
        let completed = task(3, after: 2).completed(by: success(2, nil))
        #expect(completed?.work == .native(NativeWork(function: "noop", arguments: [Self.none])))
        #expect(completed?.after == nil)
        #expect(task(3, after: 2).completed(by: failure(2)) == nil)
    }

    @Test mutating func shortTasksAreHandedOverTogetherWithTheOneThatTheyWaitFor() {
        _ = send(.tasksArrived([task(1), task(2, after: 1), task(3, after: 2)]))
        let second = ran(send(.nativeFinished(SlotIndex(0), [success(1)])))
        #expect(second.map(\.attempt) == [attempt(2), attempt(3)])
        #expect(second.last?.after == Predecessor(attempt: attempt(2), arguments: [0]))
        #expect(Set(machine.attempts) == [attempt(2), attempt(3)])
    }

    @Test mutating func whatIsBehindAFailureIsGivenBack() {
        _ = send(.tasksArrived([task(1), task(2, after: 1), task(3, after: 2)]))
        let effects = send(.nativeFinished(SlotIndex(0), [failure(1)]))
        #expect(returned(effects) == [attempt(2), attempt(3)])
        #expect(machine.attempts.isEmpty)
    }

    @Test mutating func aCancelGivesBackWhatIsBehind() {
        _ = send(.tasksArrived([task(1), task(2, after: 1), task(3, after: 2)]))
        #expect(returned(send(.cancelRequested([attempt(2)]))) == [attempt(2), attempt(3)])
        #expect(machine.attempts == [attempt(1)])
    }

    @Test mutating func whatComesAfterTheEndItWaitsForRunsAtOnce() {
        _ = send(.tasksArrived([task(1)]))
        _ = send(.nativeFinished(SlotIndex(0), [success(1)]))
        #expect(ran(send(.tasksArrived([task(2, after: 1)]))).map(\.attempt) == [attempt(2)])
    }

    @Test mutating func whatWaitsForNothingThatIsHereIsGivenBack() {
        #expect(returned(send(.tasksArrived([task(2, after: 1), task(3, after: 2)]))) == [attempt(2), attempt(3)])
        #expect(machine.attempts.isEmpty)
    }

    @Test mutating func aValueWithoutAPlaceGivesTheTaskBack() {
        _ = send(.tasksArrived([task(1), task(2, after: 1, places: [7])]))
        #expect(returned(send(.nativeFinished(SlotIndex(0), [success(1)]))) == [attempt(2)])
    }

    @Test mutating func aWorkerThatLeavesKeepsNothingBack() {
        _ = send(.tasksArrived([task(1), task(2, after: 1)]))
        #expect(returned(send(.drainRequested)) == [attempt(2)])
        #expect(send(.nativeFinished(SlotIndex(0), [success(1)])).contains(.leave))
    }

    @Test mutating func anEndedEpochLeavesNothingHeldBack() {
        _ = send(.tasksArrived([task(1), task(2, after: 1)]))
        _ = send(.epochEnded)
        #expect(machine.attempts.isEmpty)
        #expect(ran(send(.nativeFinished(SlotIndex(0), [success(1)]))).isEmpty)
    }
}
