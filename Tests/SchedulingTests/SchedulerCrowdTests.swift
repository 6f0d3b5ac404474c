import AnabranchCore
import Scheduling
import Testing

/// What a task costs does not grow with the number of workers: by counts, as times say little on a busy machine.
@Suite struct SchedulerCrowdTests {
    /// Half of the crowd answers first, and stands idle while the other half has queues.
    @Test(arguments: [2, 20, 200])
    func idleWorkersMakeNoTaskDearer(workers: Int) {
        var scheduler = Scheduler()
        var now = Instant(microseconds: 0)
        var sent: [WorkerID: [Attempt]] = [:]
        func send(_ events: [SchedulerEvent]) {
            var effects: [SchedulerEffect] = []
            now = now.advanced(by: 1)
            scheduler.handle(events, at: now, effects: &effects)
            for case .dispatch(let worker, let attempts) in effects { sent[worker, default: []] += attempts }
        }
        let run = RunID(1)
        let crowd = (1...workers).map { WorkerID(UInt64($0)) }
        send([.runOpened(run), .runExhausted(run)])
        send(crowd.map { .workerJoined(WorkerOffer(worker: $0, slots: 1, executors: ["python"])) })
        var next: UInt64 = 1
        func submit(_ count: Int) {
            let tasks = (next..<next + UInt64(count)).map {
                ReadyTask(
                    task: TaskID($0), taskClass: TaskClass(run: run, kind: 0), requirements: TaskRequirements(),
                    priority: 0)
            }
            next += UInt64(count)
            send([.tasksReady(run, tasks)])
        }
        /// Each answer is an event of its own.
        func answer(_ some: some Sequence<WorkerID>) {
            for worker in some {
                while let attempts = sent[worker], !attempts.isEmpty {
                    sent[worker]?.removeFirst()
                    send([.attemptEnded(worker, attempts[0], .succeeded, computeMicroseconds: 100)])
                }
            }
        }
        submit(1)
        answer(crowd)
        let before = scheduler.counters
        for _ in 0..<5 {
            submit(8 * workers)
            answer(crowd.prefix(workers / 2))
            answer(crowd.suffix(workers / 2))
        }
        let tasks = UInt64(40 * workers)
        #expect(scheduler.counters.ended - before.ended == tasks)
        #expect(scheduler.counters.inspected > before.inspected, "idle workers look for work")
        #expect(scheduler.counters.inspected - before.inspected <= 2 * tasks)
    }
}
