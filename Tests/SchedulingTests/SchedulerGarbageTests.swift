import AnabranchCore
import Scheduling
import Testing

/// Workers that say anything in any order: the machine's books stay right, and a task still ends once.
@Suite struct SchedulerGarbageTests {
    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }

    private static func garbage(_ random: inout Generator, newest: UInt64) -> SchedulerEvent {
        let worker = WorkerID(UInt64.random(in: 0...4, using: &random))
        func attempts(_ count: Int) -> [Attempt] {
            (0..<count).map { _ in
                let task =
                    UInt64.random(in: 0...20, using: &random) == 0
                    ? .max : UInt64.random(in: 0...newest + 2, using: &random)
                return attempt(task, UInt32.random(in: 0...4, using: &random))
            }
        }
        switch Int.random(in: 0...9, using: &random) {
        case 0:
            let slots = UInt32.random(in: 0...4, using: &random)
            return .workerJoined(WorkerOffer(worker: worker, slots: slots, executors: ["python"]))
        case 1: return .heartbeat(worker, running: attempts(Int.random(in: 0...6, using: &random)))
        case 2: return .attemptStarted(worker, attempts(1)[0])
        case 3: return Bool.random(using: &random) ? .workerLost(worker) : .workerDrainRequested(worker)
        case 4: return .tick
        default:
            let ends: [AttemptEnd] = [.succeeded, .failed, .killedRuntime, .returned, .lost]
            let times: [UInt64] = [0, 50, 3_000, .max]
            return .attemptEnded(
                worker, attempts(1)[0], ends[Int.random(in: 0...3, using: &random)],
                computeMicroseconds: times[Int.random(in: 0...3, using: &random)])
        }
    }

    @Test(arguments: Array(1...20) as [UInt64]) func whateverWorkersSayTheBooksStayRight(seed: UInt64) throws {
        var random = Generator(state: seed)
        var machine = Machine()
        try machine.send(.runOpened(RunID(1)))
        var given: UInt64 = 0
        var ended: Set<TaskID> = []
        for _ in 0..<400 {
            machine.pass(UInt64.random(in: 0...Machine.lease / 3, using: &random))
            var effects: [SchedulerEffect]
            if Int.random(in: 0...5, using: &random) == 0 {
                let count = Int.random(in: 0...5, using: &random)
                given += UInt64(count)
                let slots = UInt32.random(in: 0...3, using: &random)
                effects = try machine.ready(count, requires: TaskRequirements(cores: slots, retries: 1, maxAttempts: 2))
            } else if given > 0, Int.random(in: 0...20, using: &random) == 0 {
                effects = try machine.send(.tasksCancelled([TaskID(UInt64.random(in: 1...given, using: &random))]))
            } else {
                effects = try machine.send(Self.garbage(&random, newest: given))
            }
            for effect in effects {
                switch effect {
                case .complete(let task, _), .fail(let task, _), .failLost(let task, _), .cancelled(let task):
                    #expect(ended.insert(task).inserted, "task \(task) ended twice")
                default: break
                }
            }
        }
        let effects = try machine.send(.runCancelled(RunID(1)))
        let cancelled = effects.count { if case .cancelled = $0 { true } else { false } }
        #expect(ended.count + cancelled == Int(given))
        #expect(machine.scheduler.liveTasks == 0)
    }
}
