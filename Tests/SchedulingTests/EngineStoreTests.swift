import AnabranchCore
import PipelineGraph
import Testing

@testable import Scheduling

/// Workers on hosts that do not share the coordinator's store.
@Suite struct EngineStoreTests {
    private let bench = EngineBench()
    private let writer = WriterID(0xC1)

    private func join(_ instance: UInt64, store: String, isOwn: Bool = true) -> EngineReply? {
        let connection = ClientID(1000 + instance)
        bench.send(
            .workerHello(
                connection, request: 1,
                WorkerHello(
                    instance: instance, lane: "tcp://there-\(instance):1", slots: 2, host: "there-\(instance)",
                    processID: 1, store: "/there", storeIdentity: store, hasOwnStore: isOwn,
                    executors: ["python", "native"], versions: EngineBench.versions,
                    writers: [WriterID(0xF000 + instance)])))
        if case .workerWelcome(let worker) = bench.replies[connection]?.last {
            bench.writers[worker] = WriterID(0xF000 + instance)
        }
        return bench.replies[connection]?.last
    }

    private func message(_ reply: EngineReply?) -> String? {
        if case .error(let error) = reply { error.message } else { nil }
    }

    /// More than travels with a task.
    private func large(_ text: String) -> ObjectRef {
        bench.bytes.write(text + String(repeating: ".", count: 1 << 20), by: writer)
    }

    private func open(_ client: ClientID) throws -> RunID {
        bench.send(.requested(client, request: 2, .openSession(name: "calls")))
        guard case .runAccepted(let session) = bench.replies[client]?.last else {
            throw WorkError.missingPayload(node: "session")
        }
        return session
    }

    private func submit(
        _ number: UInt64, on arguments: [ObjectRef], to session: RunID, by client: ClientID, inPlace: Bool = false,
        worker: WorkerID? = nil
    ) {
        let function = bench.bytes.write("f\(number)", by: writer)
        let call = Call(
            id: CallID(number),
            function: .python(function: function, arguments: bench.bytes.write("\(number)", by: writer)),
            dependencies: arguments.map { .object($0) }, isInPlace: inPlace, worker: worker)
        bench.send(.requested(client, request: 0, .submitCalls(session, [call])))
    }

    private func failure(_ call: UInt64) -> Failure? {
        if case .failure(let failure) = bench.results[CallID(call)]?.outcome { failure } else { nil }
    }

    @Test func anotherStoreIsRefusedUnlessItIsSaidToBeTheHostsOwn() {
        #expect(message(join(1, store: "another", isOwn: false))?.contains("--own-store") == true)
        #expect(join(2, store: "another") == .workerWelcome(WorkerID(1)))
        #expect(bench.told.last?.hasOwnStore == true)
    }

    @Test func whatIsLargeRunsWhereItStandsAndTheOthersAnywhere() throws {
        _ = join(1, store: "another")
        let client = bench.addClient()
        let session = try open(client)
        let data = large("X")
        submit(1, on: [data], to: session, by: client)
        submit(2, on: [bench.bytes.write("small", by: writer)], to: session, by: client)
        #expect(bench.sent.count == 1)
        bench.send(.requested(client, request: 3, .status(session)))
        guard case .status(let status) = bench.replies[client]?.last else {
            Issue.record("no status")
            return
        }
        #expect(status.runs.first?.waiting.contains("sees the coordinator's store") == true)
        let here = try #require(bench.addWorker(instance: 2))
        #expect(bench.queued[here]?.count == 1)
        bench.work()
        #expect(bench.results.count == 2 && failure(1) == nil && failure(2) == nil)
    }

    @Test func aStandInTravelsNowhereHoweverShortItIs() throws {
        _ = join(1, store: "another")
        let client = bench.addClient()
        let session = try open(client)
        let small = bench.bytes.write("small", by: writer)
        submit(
            1, on: [ObjectRef(id: small.id, encoding: .elsewhere, length: small.length, location: small.location)],
            to: session, by: client)
        bench.work()
        #expect(bench.sent.isEmpty)
        bench.addWorker(instance: 2)
        bench.work()
        #expect(bench.results.count == 1 && failure(1) == nil)
    }

    @Test func aCallForOneWorkerRunsThereAndNowhereElse() throws {
        let first = try #require(bench.addWorker(instance: 1))
        let second = try #require(bench.addWorker(instance: 2))
        let client = bench.addClient()
        let session = try open(client)
        for number in 1...3 { submit(UInt64(number), on: [], to: session, by: client, worker: second) }
        #expect(bench.queued[first, default: []].isEmpty && bench.queued[second]?.isEmpty == false)
        bench.work()
        #expect(bench.results.count == 3 && (1...3).allSatisfy { failure($0) == nil })
        bench.send(.workerDisconnected(second))
        submit(4, on: [], to: session, by: client, worker: second)
        #expect(bench.queued[first, default: []].isEmpty && bench.results[CallID(4)] == nil)
        bench.send(.requested(client, request: 3, .status(session)))
        guard case .status(let status) = bench.replies[client]?.last else {
            Issue.record("no status")
            return
        }
        #expect(status.runs.first?.waiting.hasPrefix("calls wait for worker 2, which alone may run them") == true)
    }

    @Test func whatReadsAndWritesInPlaceRunsNowhereElse() throws {
        _ = join(1, store: "another")
        let client = bench.addClient()
        let session = try open(client)
        submit(1, on: [], to: session, by: client)
        bench.work()
        guard case .value(let there) = bench.results[CallID(1)]?.outcome else {
            Issue.record("no value")
            return
        }
        submit(2, on: [], to: session, by: client, inPlace: true)
        submit(3, on: [bench.bytes.write("small", by: writer)], to: session, by: client, inPlace: true)
        submit(4, on: [there], to: session, by: client, inPlace: true)
        bench.work()
        #expect(bench.results[CallID(4)] != nil && bench.results[CallID(2)] == nil && bench.results[CallID(3)] == nil)
        bench.addWorker(instance: 2)
        bench.work()
        #expect(bench.results.count == 4 && (1...4).allSatisfy { failure($0) == nil })
    }

    /// Pieces of a client's data pass through; two gigabytes of them stayed in the coordinator once.
    @Test func whatMovedDataIsNotRemembered() throws {
        bench.addWorker()
        let client = bench.addClient()
        let session = try open(client)
        submit(1, on: [], to: session, by: client, inPlace: true)
        submit(2, on: [], to: session, by: client)
        bench.work()
        #expect(failure(1) == nil && failure(2) == nil && bench.results.count == 2)
        let ended = bench.engine.sessions[session]?.ended
        guard case .failure(let instead) = ended?[CallID(1)], case .value = ended?[CallID(2)] else {
            Issue.record("\(String(describing: ended))")
            return
        }
        #expect(instead.message.contains("pass its reference"))
    }

    @Test func aRunTellsWhatItWaitsFor() throws {
        _ = join(1, store: "another")
        let client = bench.addClient()
        let graphs = EngineGraphs(bytes: bench.bytes, writer: writer)
        var request = graphs.line(.fit)
        request.inputs[NodeIndex(0)]?[0].data = Data(x: View(object: large("X")))
        let run = try #require(bench.submit(request, by: client))
        #expect(bench.states[run]?.message.contains("sees the coordinator's store") == true)
        bench.addWorker(instance: 2)
        bench.work()
        #expect(bench.states[run]?.state == .succeeded && bench.states[run]?.message.isEmpty == true)
    }

    @Test func whatNeedsTwoStoresFailsNamingBoth() throws {
        _ = join(1, store: "one")
        let client = bench.addClient()
        let session = try open(client)
        submit(1, on: [], to: session, by: client)
        bench.work()
        guard case .value(let made) = bench.results[CallID(1)]?.outcome else {
            Issue.record("no value")
            return
        }
        submit(2, on: [made, large("X")], to: session, by: client)
        let told = try #require(failure(2)?.message)
        #expect(told.contains("the coordinator's store") && told.contains("/there of host there-1"))
        #expect(told.contains("--executor ray") && told.contains("1.0 MiB"))
    }

    @Test func aStoreEndsWithItsLastWorker() throws {
        _ = join(1, store: "one")
        let client = bench.addClient()
        let session = try open(client)
        submit(1, on: [], to: session, by: client)
        bench.work()
        guard case .value(let made) = bench.results[CallID(1)]?.outcome else {
            Issue.record("no value")
            return
        }
        bench.send(.workerDisconnected(WorkerID(1)))
        submit(2, on: [made], to: session, by: client)
        #expect(failure(2) == nil)
        bench.send(.writersEnded([WriterID(0xF001)]))
        bench.addWorker(instance: 2)
        #expect(failure(2)?.kind == .objectLost && failure(2)?.message.contains("/there of host there-1") == true)
        #expect(message(join(3, store: "one"))?.contains("begin anew") == true)
    }
}
