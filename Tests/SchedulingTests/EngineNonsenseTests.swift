import AnabranchCore
import PipelineGraph
import Testing

@testable import Scheduling

/// Peers that say anything at all, in any order: the engine counts, refuses, answers, and stays sound.
@Suite struct EngineNonsenseTests {
    private struct Nonsense {
        var random: SeededRandom
        let bench: EngineBench

        mutating func number(_ bound: UInt64 = 6) -> UInt64 { UInt64.random(in: 0...bound, using: &random) }

        mutating func writer() -> WriterID { WriterID([0xC1, 0xC2, 0xF001, 0xF002, 0xBAD][Int(number(4))]) }

        mutating func object() -> ObjectID { ObjectID(writer: writer(), sequence: number(12)) }

        mutating func reference() -> ObjectRef {
            let location: Location = random.happens(20) ? .inline([1]) : .segment(UInt32(number(3)), offset: 64)
            return ObjectRef(id: object(), encoding: .pickle5, length: 10, location: location)
        }

        mutating func data() -> Data {
            Data(
                x: View(object: reference(), rows: random.happens(30) ? reference() : nil),
                y: random.happens(50) ? View(object: reference()) : nil)
        }

        mutating func attempt() -> Attempt {
            let all = bench.queued.values.flatMap { $0 }.map(\.attempt)
            if random.happens(70), let known = all.randomElement(using: &random) { return known }
            return Attempt(task: TaskID(number(30)), number: UInt32(number(3)))
        }

        mutating func outcome() -> Outcome {
            if random.happens(25) {
                let kind = FailureKind(rawValue: UInt8(number(10)) + 1) ?? .exception
                return .failure(
                    Failure(kind: kind, message: "nonsense", exception: random.happens(30) ? reference() : nil))
            }
            var success = Success()
            if random.happens(70) { success.model = reference() }
            if random.happens(70) { success.output = data() }
            if random.happens(50) { success.value = reference() }
            if random.happens(50) { success.scores = [Score(name: "s", value: .nan)] }
            for _ in 0..<number(4) {
                let dimension = [Dimension.fold("cv"), .partition, .data("other")][Int(number(2))]
                var labels = [Key.Part(dimension, .integer(Int64(number(2))))]
                if random.happens(40) { labels.append(Key.Part(.partition, .integer(Int64(number(1))))) }
                success.parts.append(SplitPart(labels: labels, train: data(), test: random.happens(70) ? data() : nil))
            }
            return .success(success)
        }

        /// What an honest worker would say.
        mutating func honest() -> ResultBatch? {
            let busy = bench.queued.filter { !$0.value.isEmpty }.keys.sorted()
            guard let worker = busy.randomElement(using: &random) else { return nil }
            let task = bench.queued[worker]!.removeFirst()
            return ResultBatch(epoch: Epoch(7), worker: worker, results: [bench.answer(task, by: worker)])
        }

        mutating func batch() -> ResultBatch {
            if random.happens(70), let honest = honest() { return honest }
            var batch = ResultBatch(epoch: Epoch(random.happens(90) ? 7 : 8), worker: WorkerID(number(4)))
            for _ in 0..<number(3) {
                batch.results.append(
                    TaskResult(
                        attempt: attempt(), outcome: outcome(), holder: random.happens(70) ? writer() : nil,
                        held: (0..<number(2)).map { _ in object() }))
            }
            if random.happens(30) {
                batch.heartbeat = Heartbeat(running: (0..<number(4)).map { _ in attempt() }, idleSlots: 1)
            }
            if random.happens(30) { batch.released = [HeldReleased(holder: writer(), objects: [object(), object()])] }
            if random.happens(20) { batch.writersOpened = [writer()] }
            if random.happens(1) { batch.writersClosed = [writer()] }
            if random.happens(20) {
                batch.logs = [SlotLog(task: TaskID(number(20)), text: "text", isErrorStream: false)]
            }
            if random.happens(30) { batch.started = [attempt()] }
            return batch
        }

        mutating func call() -> Call {
            var dependencies: [Call.Dependency] = []
            for _ in 0..<number(2) {
                dependencies.append(random.happens(50) ? .object(reference()) : .call(CallID(number(12))))
            }
            return Call(
                id: CallID(number(12)), function: .python(function: reference(), arguments: reference()),
                dependencies: dependencies)
        }

        mutating func runRequest() -> RunRequest {
            let graphs = EngineGraphs(bytes: bench.bytes, writer: WriterID(0xC1))
            let mode: Mode = random.happens(50) ? .fit : .crossValidate
            var request = random.happens(50) ? graphs.line(mode, partitions: 2) : graphs.diamond(mode)
            if random.happens(20) { request.graph.nodes[0].payload = reference() }
            if random.happens(10) { request.inputs = [:] }
            if random.happens(30) { request.options.onError = .stop }
            return request
        }

        mutating func request() -> ClientRequest {
            let run = RunID(number(12))
            switch number(14) {
            case 0, 1: return .submitRun(SubmitRun(request: runRequest(), detached: random.happens(20)))
            case 2: return .openSession(name: "s")
            case 3, 4: return .submitCalls(run, (0..<number(4)).map { _ in call() })
            case 5: return .cancelRun(run)
            case 6: return .cancelCalls(run, [CallID(number(12)), CallID(number(12))])
            case 7: return .closeRun(run)
            case 8: return .watchRun(run)
            case 9: return .releaseObjects((0..<number(4)).map { _ in object() })
            case 10: return .holdObjects([reference()])
            case 11: return .status(random.happens(50) ? run : nil)
            case 12: return .logs(run, node: "")
            case 13: return .describeRun(run)
            default: return random.happens(5) ? .drainWorker(WorkerID(number(4))) : .status(nil)
            }
        }

        mutating func event() -> EngineEvent {
            let client = ClientID(number(2) + 1)
            switch number(19) {
            case 0...8: return .workerReported(batch())
            case 9...14: return .requested(client, request: 1, request())
            case 15:
                return .clientHello(
                    client, request: 1,
                    ClientIntroduction(versions: EngineBench.versions, writer: WriterID(0xC0 + client.rawValue)))
            case 16: return random.happens(10) ? .clientVanished(client) : .tick
            case 17: return random.happens(20) ? .workerDisconnected(WorkerID(number(4))) : .tick
            case 18: return .workerConnected(WorkerID(number(4)))
            default: return random.happens(4) ? .writersEnded([writer()]) : .messageDropped
            }
        }
    }

    @Test(arguments: 1...UInt64(30))
    func whateverIsSaidTheEngineStaysSound(_ seed: UInt64) {
        let bench = EngineBench()
        var nonsense = Nonsense(random: SeededRandom(seed: seed), bench: bench)
        bench.addWorker(instance: 1)
        bench.addWorker(instance: 2)
        _ = bench.addClient(1, writer: WriterID(0xC1))
        _ = bench.addClient(2, writer: WriterID(0xC2))
        for _ in 0..<400 { bench.send(nonsense.event()) }
        #expect(!bench.replies.isEmpty, "seed \(seed)")
        // Everybody ends: nothing may be needed any more.
        for client in 1...3 { bench.send(.clientVanished(ClientID(UInt64(client)))) }
        for run in 1...200 { bench.engine.closeForTest(RunID(UInt64(run))) }
        for worker in bench.engine.workers.keys { bench.send(.workerDisconnected(worker)) }
        bench.send(.writersEnded([0xC1, 0xC2, 0xC3, 0xF001, 0xF002, 0xBAD].map { WriterID($0) }))
        #expect(bench.engine.catalog.count == 0, "seed \(seed)")
        #expect(bench.engine.tasks.isEmpty, "seed \(seed)")
        #expect(bench.engine.workers.isEmpty, "seed \(seed)")
    }
}

extension Engine {
    /// Gives up a detached run that nobody has closed.
    fileprivate mutating func closeForTest(_ run: RunID) {
        closeRun(run, by: ClientID(1), at: Instant(microseconds: 1_000_000_000))
    }
}
