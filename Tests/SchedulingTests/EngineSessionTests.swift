import AnabranchCore
import PipelineGraph
import Testing

@testable import Scheduling

@Suite struct EngineSessionTests {
    private let bench = EngineBench()
    private let writer = WriterID(0xC1)

    private func open(_ client: ClientID) throws -> RunID {
        bench.send(.requested(client, request: 2, .openSession(name: "calls")))
        guard case .runAccepted(let session) = bench.replies[client]?.last else {
            throw WorkError.missingPayload(node: "session")
        }
        return session
    }

    private func call(_ number: UInt64, after: [UInt64] = []) -> Call {
        Call(
            id: CallID(number),
            function: .python(
                function: bench.bytes.write("f\(number)", by: writer),
                arguments: bench.bytes.write("\(number)", by: writer)),
            dependencies: after.map { .call(CallID($0)) })
    }

    private func close(_ session: RunID, _ client: ClientID) {
        bench.send(.requested(client, request: 9, .closeRun(session)))
        bench.giveBack(client)
        bench.expectEmpty()
    }

    @Test func aSessionIsClosedByItsClientAlone() throws {
        bench.addWorker()
        let client = bench.addClient()
        let other = bench.addClient(2, writer: nil)
        let session = try open(client)
        bench.send(.requested(other, request: 5, .closeRun(session)))
        guard case .error(let error) = bench.replies[other]?.last else {
            Issue.record("not refused")
            return
        }
        #expect(error.code == .unknownRun)
        bench.send(.requested(client, request: 0, .submitCalls(session, [call(1)])))
        bench.work()
        #expect(bench.results[CallID(1)] != nil)
        close(session, client)
    }

    @Test func aChainFillsItsDependencies() throws {
        bench.addWorker()
        let client = bench.addClient()
        let session = try open(client)
        bench.send(
            .requested(
                client, request: 0, .submitCalls(session, [call(1), call(2, after: [1]), call(3, after: [1, 2])])))
        bench.work()
        guard case .value(let value) = bench.results[CallID(3)]?.outcome else {
            Issue.record("no value")
            return
        }
        #expect(bench.bytes.read(value) == "f3(3;f1(1;),f2(2;f1(1;)))")
        close(session, client)
    }

    @Test func aCallThatNoMessageHoldsFailsAndTheWorkerStays() throws {
        bench.addWorker()
        let client = bench.addClient()
        let session = try open(client)
        let arguments = ObjectRef(
            id: ObjectID(writer: writer, sequence: 1 << 40), encoding: .pickle5, length: 64 << 20,
            location: .inline([UInt8](repeating: 0, count: 64 << 20)))
        let large = Call(
            id: CallID(1), function: .python(function: bench.bytes.write("f", by: writer), arguments: arguments),
            dependencies: [])
        bench.send(.requested(client, request: 0, .submitCalls(session, [large, call(2)])))
        bench.work()
        guard case .failure(let failure) = bench.results[CallID(1)]?.outcome,
            case .value = bench.results[CallID(2)]?.outcome
        else {
            Issue.record("\(bench.results)")
            return
        }
        #expect(failure.kind == .invalid && failure.message.contains("--inline-threshold"), "\(failure.message)")
        close(session, client)
    }

    @Test func aLaterCallFindsTheValueOfAnEndedOne() throws {
        bench.addWorker()
        let client = bench.addClient()
        let session = try open(client)
        bench.send(.requested(client, request: 0, .submitCalls(session, [call(1)])))
        bench.work()
        bench.send(.requested(client, request: 0, .submitCalls(session, [call(2, after: [1])])))
        bench.work()
        guard case .value(let value) = bench.results[CallID(2)]?.outcome else {
            Issue.record("no value")
            return
        }
        #expect(bench.bytes.read(value) == "f2(2;f1(1;))")
        close(session, client)
    }

    /// The exception of the earlier call was given back by the client long ago; naming it again must not count it again.
    @Test func aCallAfterAFailedOneInheritsTheFailureWithoutItsException() throws {
        bench.addWorker()
        let client = bench.addClient()
        let session = try open(client)
        bench.script = { _ in
            let exception = self.bench.bytes.write("exception", by: WriterID(0xF001))
            return .failure(Failure(kind: .exception, type: "ValueError", message: "no", exception: exception))
        }
        bench.send(.requested(client, request: 0, .submitCalls(session, [call(1)])))
        bench.work()
        bench.giveBack(client)
        bench.send(.requested(client, request: 0, .submitCalls(session, [call(2, after: [1])])))
        bench.work()
        guard case .failure(let failure) = bench.results[CallID(2)]?.outcome else {
            Issue.record("no failure")
            return
        }
        #expect(failure.type == "ValueError")
        #expect(failure.exception == nil)
        bench.send(.requested(client, request: 9, .closeRun(session)))
        bench.giveBack(client)
        #expect(bench.engine.catalog.count == 0)
    }

    @Test func aFailureFailsTheCallsThatNeedTheValue() throws {
        bench.addWorker()
        let client = bench.addClient()
        let session = try open(client)
        bench.script = { task in
            guard case .call(let work) = task.work, self.bench.bytes.read(work.function) == "f1" else { return nil }
            return .failure(Failure(kind: .exception, type: "ValueError", message: "no"))
        }
        bench.send(
            .requested(
                client, request: 0, .submitCalls(session, [call(1), call(2, after: [1]), call(3, after: [2]), call(4)]))
        )
        bench.work()
        for number in 1...3 {
            guard case .failure(let failure) = bench.results[CallID(UInt64(number))]?.outcome else {
                Issue.record("call \(number) did not fail")
                continue
            }
            #expect(failure.type == "ValueError")
        }
        guard case .value = bench.results[CallID(4)]?.outcome else {
            Issue.record("call 4 failed")
            return
        }
        close(session, client)
    }

    @Test func anUnknownEarlierCallIsAnError() throws {
        bench.addWorker()
        let client = bench.addClient()
        let session = try open(client)
        bench.send(.requested(client, request: 0, .submitCalls(session, [call(2, after: [77])])))
        guard case .failure(let failure) = bench.results[CallID(2)]?.outcome else {
            Issue.record("did not fail")
            return
        }
        #expect(failure.kind == .invalid && failure.message.contains("call 77"))
        #expect(bench.engine.catalog.count == 0)
    }

    @Test func cancelledCallsAnswerOnce() throws {
        let worker = try #require(bench.addWorker(slots: 1))
        let client = bench.addClient()
        let session = try open(client)
        let calls = (1...40).map { call(UInt64($0)) }
        bench.send(.requested(client, request: 0, .submitCalls(session, calls)))
        let sent = bench.queued[worker]?.count ?? 0
        #expect(sent > 0 && sent < 40)
        bench.send(.requested(client, request: 3, .cancelCalls(session, calls.map(\.id))))
        bench.work()
        #expect(bench.results.count == 40)
        bench.send(.requested(client, request: 9, .closeRun(session)))
        bench.giveBack(client)
        #expect(bench.engine.catalog.count == 0)
        #expect(bench.engine.tasks.isEmpty)
    }

    @Test func aVanishedClientTakesItsSessionWithIt() throws {
        bench.addWorker()
        let client = bench.addClient()
        let session = try open(client)
        bench.send(.requested(client, request: 0, .submitCalls(session, (1...20).map { call(UInt64($0)) })))
        bench.send(.clientVanished(client))
        #expect(bench.engine.sessions.isEmpty)
        bench.work()
        #expect(bench.engine.catalog.count == 0)
        bench.send(.writersEnded([writer]))
        #expect(bench.removedSegments.map(\.0) == [writer])
    }

    @Test func aNativeCallMayAnswerNothing() throws {
        bench.addWorker()
        let client = bench.addClient()
        let session = try open(client)
        bench.script = { _ in .success(Success()) }
        let native = Call(id: CallID(1), function: .native(name: "noop", parameters: []))
        bench.send(.requested(client, request: 0, .submitCalls(session, [native, call(2)])))
        bench.work()
        #expect(bench.results[CallID(1)]?.outcome == .value(.nothing(Epoch(7))))
        guard case .failure(let failure) = bench.results[CallID(2)]?.outcome else {
            Issue.record("a Python call without a value did not fail")
            return
        }
        #expect(failure.kind == .invalid)
    }

    @Test func manyQueuedCallsAreServedInOrder() throws {
        bench.addWorker()
        let client = bench.addClient()
        let session = try open(client)
        var order: [UInt64] = []
        bench.script = { task in
            guard case .native(let work) = task.work else { return nil }
            order.append(UInt64(work.function)!)
            return .success(
                Success(
                    value: ObjectRef(
                        id: ObjectID(writer: WriterID(1), sequence: 1), encoding: .pickle5, length: 1,
                        location: .inline([1]))))
        }
        let calls = (1...500).map { number in
            Call(id: CallID(UInt64(number)), function: .native(name: "\(number)", parameters: []))
        }
        bench.send(.requested(client, request: 0, .submitCalls(session, calls)))
        bench.work()
        #expect(order == Array(1...500))
        #expect(bench.results.count == 500)
        close(session, client)
    }
}
