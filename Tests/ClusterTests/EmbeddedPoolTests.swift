import AnabranchCore
import Foundation
import Testing
import Wire

/// Real processes, real kills, native tasks only: what of the engine needs no Python.
@Suite(.serialized, .timeLimit(.minutes(2))) struct EmbeddedPoolTests {
    private func open(_ client: TestClient) throws -> RunID {
        let hello = ClientHello(versions: Versions(anabranch: "0.1.0", python: "3.11.0"), name: "test")
        guard case .clientWelcome = try client.ask(.clientHello(hello)) else {
            throw WireError.invalid(field: "welcome", reason: "was expected")
        }
        guard case .runAccepted(let run) = try client.ask(.openSession(name: "calls")) else {
            throw WireError.invalid(field: "session", reason: "was expected")
        }
        return run
    }

    private func calls(_ range: Range<UInt64>, _ function: String = "noop") -> [Call] {
        range.map { Call(id: CallID($0), function: .native(name: function, parameters: [])) }
    }

    /// Results by call, each checked to come once.
    private func results(_ count: Int, _ client: TestClient) throws -> [CallID: CallResult] {
        var seen: [CallID: CallResult] = [:]
        while seen.count < count {
            guard case .callResults(let batch) = try client.nextPushed() else { continue }
            for result in batch.results { #expect(seen.updateValue(result, forKey: result.call) == nil) }
        }
        return seen
    }

    private func workers(_ client: TestClient) throws -> [WorkerStatus] {
        guard case .status(let status) = try client.ask(.status(nil)) else { return [] }
        return status.workers.filter { "\($0.state)" == "active" }
    }

    @Test func nativeCallsAreAnsweredOnceEach() throws {
        let pool = try EmbeddedPool(slots: 2)
        let client = try TestClient(pool.announcement.address)
        let run = try open(client)
        try client.tell(.submitCalls(SubmitCalls(run: run, calls: calls(1..<5_001))))
        let seen = try results(5_000, client)
        #expect(
            seen.values.allSatisfy { if case .value = $0.outcome { true } else { false } })
    }

    @Test func anUnknownFunctionFailsItsCallByName() throws {
        let pool = try EmbeddedPool(slots: 1)
        let client = try TestClient(pool.announcement.address)
        let run = try open(client)
        try client.tell(.submitCalls(SubmitCalls(run: run, calls: calls(1..<2, "nothing.of.the.kind"))))
        let result = try #require(try results(1, client)[CallID(1)])
        guard case .failure(let failure) = result.outcome else {
            Issue.record("an unknown function has a value")
            return
        }
        #expect(failure.message.contains("nothing.of.the.kind"))
    }

    @Test func aKilledWorkerCostsTimeAndNoResult() throws {
        let pool = try EmbeddedPool(slots: 2)
        let client = try TestClient(pool.announcement.address)
        let run = try open(client)
        try client.tell(.submitCalls(SubmitCalls(run: run, calls: calls(1..<2_001))))
        var victim: WorkerStatus?
        while victim == nil { victim = try workers(client).first }
        kill(pid_t(try #require(victim).processID), SIGKILL)
        try client.tell(.submitCalls(SubmitCalls(run: run, calls: calls(2_001..<4_001))))
        #expect(try results(4_000, client).count == 4_000)
    }

    @Test func aClientThatIsGoneLeavesNothingBehind() throws {
        let pool = try EmbeddedPool(slots: 2)
        let client = try TestClient(pool.announcement.address)
        _ = try open(client)
        var worker: WorkerStatus?
        while worker == nil { worker = try workers(client).first }
        let processID = pid_t(try #require(worker).processID)
        try pool.loseClient()
        pool.waitUntilGone()
        #expect(!FileManager.default.fileExists(atPath: pool.announcement.store))
        #expect(kill(processID, 0) != 0, "the worker outlived its pool")
    }
}
