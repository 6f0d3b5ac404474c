import AnabranchCore
import Foundation
import Testing
import Wire
import Worker

/// Hello, heartbeats, epochs and ends of a worker.
@Suite(.serialized, .timeLimit(.minutes(2))) struct WorkerLifeTests {
    let coordinator: FakeCoordinator

    init() throws { coordinator = try FakeCoordinator() }

    private func hanging(_ id: UInt64) -> TaskAssignment {
        let nothing = ObjectRef(
            id: ObjectID(writer: WriterID(9), sequence: 1), encoding: .pickle5, length: 0, location: .inline([]))
        return TaskAssignment(
            attempt: Attempt(task: TaskID(id), number: 1), run: RunID(1), node: "hang",
            work: .call(CallWork(function: nothing, arguments: nothing)))
    }

    @Test func helloIsRepeatedUntilItIsAnswered() throws {
        coordinator.isSilent = true
        let thread = WorkerThread(WorkerThread.configuration(of: coordinator))
        try coordinator.listen { $0.hellos.count >= 2 }
        #expect(Set(coordinator.heard.hellos.map(\.instance)).count == 1)
        coordinator.isSilent = false
        try coordinator.listen { !$0.heartbeats.isEmpty }
        thread.stop?.drain()
        try coordinator.listen { $0.saidGoodbye }
        try thread.outcome().get()
    }

    @Test func aRefusalEndsTheWorkerWithItsReason() throws {
        coordinator.refusal = ControlError(code: .versionMismatch, message: "this is 2.0, the worker is 9.9")
        let thread = WorkerThread(WorkerThread.configuration(of: coordinator))
        try coordinator.listen { !$0.hellos.isEmpty }
        let failure = #expect(throws: WorkerFailure.self) { try thread.outcome().get() }
        #expect(failure?.description.contains("this is 2.0, the worker is 9.9") == true)
    }

    @Test func nobodyThereIsSaidAfterTheTimeThatWasGiven() throws {
        var configuration = WorkerThread.configuration(of: coordinator)
        configuration.address = "ipc://\(coordinator.directory.path())/nobody.sock"
        configuration.welcomeSeconds = 0.2
        let failure = #expect(throws: WorkerFailure.self) { try WorkerThread(configuration).outcome().get() }
        #expect(failure?.description.contains("nobody.sock within 0.2 s") == true)
    }

    @Test func aCoordinatorThatFallsSilentIsGivenUp() throws {
        var configuration = WorkerThread.configuration(of: coordinator)
        configuration.silenceSeconds = 0.5
        let thread = WorkerThread(configuration)
        try coordinator.listen { !$0.heartbeats.isEmpty }
        // Hellos go on being sent; nobody listens any more.
        let failure = #expect(throws: WorkerFailure.self) { try thread.outcome().get() }
        #expect(failure?.description.contains("has not answered for 0.5 s") == true)
    }

    @Test func theEndOfTheCoordinatorsProcessIsSeenAtTheNextHeartbeat() throws {
        let thread = WorkerThread(WorkerThread.configuration(of: coordinator))
        try coordinator.listen { !$0.heartbeats.isEmpty }
        try coordinator.send([hanging(1)])
        try coordinator.listen { heard in heard.logs.contains { $0.text.contains("hanging") } }
        coordinator.endOwning()
        let failure = #expect(throws: WorkerFailure.self) { try thread.outcome().get() }
        #expect(failure?.description.contains("has ended") == true)
    }

    @Test func theHeartbeatListsAllThatIsThere() throws {
        let thread = WorkerThread(WorkerThread.configuration(of: coordinator, slots: 2))
        try coordinator.listen { !$0.heartbeats.isEmpty }
        #expect(coordinator.heard.heartbeats.first == Heartbeat(running: [], idleSlots: 2))
        let tasks = (1...5).map { hanging($0) }
        try coordinator.send(tasks)
        let all = Set(tasks.map(\.attempt))
        try coordinator.listen { $0.heartbeats.last.map { Set($0.running) == all && $0.idleSlots == 0 } == true }
        thread.stop?.end()
        try thread.outcome().get()
    }

    @Test func whatIsOfAnotherEpochIsDroppedAndCounted() throws {
        let thread = WorkerThread(WorkerThread.configuration(of: coordinator))
        try coordinator.listen { !$0.heartbeats.isEmpty }
        try coordinator.send([hanging(1)], epoch: Epoch(99))
        try coordinator.listen { $0.heartbeats.last?.droppedMessages == 1 }
        #expect(coordinator.heard.heartbeats.last?.running == [])
        thread.stop?.end()
        try thread.outcome().get()
    }

    @Test func bytesThatAreNoMessagesAreDroppedAndCounted() throws {
        let thread = WorkerThread(WorkerThread.configuration(of: coordinator))
        try coordinator.listen { !$0.heartbeats.isEmpty }
        let sound = TaskBatch(epoch: coordinator.epoch, worker: WorkerID(1), tasks: [hanging(1)]).encoded()
        try coordinator.sendGarbage([])
        try coordinator.sendGarbage([0xFF, 0xFF])
        try coordinator.sendGarbage(Array(sound.dropLast()))
        try coordinator.sendGarbage([8, 2] + sound.dropFirst(2))
        // Two frames are no message of a lane, though the second is sound.
        try coordinator.sendGarbage([1], sound)
        try coordinator.listen { $0.heartbeats.last?.droppedMessages == 5 }
        #expect(coordinator.heard.heartbeats.last?.running == [])
        try coordinator.send([hanging(2)])
        try coordinator.listen { $0.heartbeats.last?.running == [Attempt(task: TaskID(2), number: 1)] }
        thread.stop?.end()
        try thread.outcome().get()
    }

    @Test func aNewEpochForgetsTheTasksOfTheOld() throws {
        let thread = WorkerThread(WorkerThread.configuration(of: coordinator))
        try coordinator.listen { !$0.heartbeats.isEmpty }
        try coordinator.send([hanging(1), hanging(2)])
        try coordinator.listen { heard in heard.logs.contains { $0.text.contains("hanging") } }
        coordinator.epoch = Epoch(8)
        // The next hello brings the new epoch.
        try coordinator.listen { !$0.closed.isEmpty && $0.heartbeats.last?.running == [] }
        #expect(coordinator.heard.hellos.last?.worker == WorkerID(1))
        #expect(coordinator.heard.results.isEmpty)
        thread.stop?.end()
        try thread.outcome().get()
    }

    @Test func theEndOfItsOwnerEndsTheWorkerAtOnce() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        var configuration = WorkerThread.configuration(of: coordinator)
        configuration.watchDescriptor = ends[0]
        let thread = WorkerThread(configuration)
        try coordinator.listen { !$0.heartbeats.isEmpty }
        try coordinator.send([hanging(1)])
        try coordinator.listen { heard in heard.logs.contains { $0.text.contains("hanging") } }
        close(ends[1])
        try thread.outcome().get()
        #expect(!coordinator.heard.saidGoodbye)
    }
}
