import AnabranchCore
import Foundation
import Testing
import Wire
import Worker

/// Real processes: a worker, its runtimes (a script that speaks their frames), and what becomes of tasks.
@Suite(.serialized, .timeLimit(.minutes(2))) struct WorkerTaskTests {
    let coordinator: FakeCoordinator

    init() throws { coordinator = try FakeCoordinator() }

    /// A task whose node says how the script behaves.
    private func task(_ id: UInt64, _ behaviour: String, timeout: UInt64? = nil) -> TaskAssignment {
        let nothing = ObjectRef(
            id: ObjectID(writer: WriterID(9), sequence: 1), encoding: .pickle5, length: 0, location: .inline([]))
        return TaskAssignment(
            attempt: Attempt(task: TaskID(id), number: 1), run: RunID(1), node: behaviour,
            limits: Limits(timeoutMilliseconds: timeout),
            work: .call(CallWork(function: nothing, arguments: nothing)))
    }

    private func native(_ id: UInt64, _ function: String = "noop") -> TaskAssignment {
        TaskAssignment(
            attempt: Attempt(task: TaskID(id), number: 1), run: RunID(1), node: "n",
            work: .native(NativeWork(function: function)))
    }

    private func failure(_ result: TaskResult?) -> Failure? {
        if case .failure(let failure) = result?.outcome { failure } else { nil }
    }

    /// What a task's script replied.
    private func reply(_ result: TaskResult?) -> String? {
        if case .success(let success) = result?.outcome { success.warnings.first ?? "" } else { nil }
    }

    /// Starts a worker, runs the body, drains the worker, and checks that nothing of it is left.
    private func withWorker(
        slots: Int = 1, python: String = WorkerThread.interpreter(), _ body: (WorkerThread) throws -> Void
    ) throws {
        let thread = WorkerThread(WorkerThread.configuration(of: coordinator, slots: slots, python: python))
        try coordinator.listen { !$0.hellos.isEmpty }
        try body(thread)
        try coordinator.send(drain: true)
        try coordinator.listen { $0.saidGoodbye }
        try thread.outcome().get()
        let files = try FileManager.default.contentsOfDirectory(atPath: coordinator.directory.path())
        #expect(!files.contains { $0.hasPrefix("lane-") })
        #expect(coordinator.heard.doubled.isEmpty)
    }

    private func isAlive(_ process: String?) throws -> Bool {
        kill(try #require(process.flatMap { pid_t($0) }), 0) == 0
    }

    @Test func aTaskIsAnsweredAndItsRuntimeEndsWithTheWorker() throws {
        var runtime: String?
        try withWorker { _ in
            let hello = try #require(coordinator.heard.hellos.first)
            #expect(hello.slots == 1 && hello.storeIdentity == "0123456789abcdef")
            #expect(hello.versions == Versions(anabranch: "9.9"))
            runtime = reply(try coordinator.run([task(1, "pid")]).first)
            #expect(try isAlive(runtime))
            // Kept for the next task.
            #expect(try reply(coordinator.run([task(2, "pid")]).first) == runtime)
            try coordinator.listen { $0.opened.count == 1 }
        }
        #expect(try !isAlive(runtime))
    }

    @Test func aTaskThatTakesItsTimeIsToldOfBeforeItEnds() throws {
        try withWorker { _ in
            let long = task(1, "hang")
            try coordinator.send([long])
            try coordinator.listen { $0.started == [long.attempt] }
            try coordinator.send(cancels: [long.attempt])
            try coordinator.listen { $0.results[long.attempt.task] != nil }
        }
    }

    @Test func anExceptionComesBackWhole() throws {
        try withWorker { _ in
            let raised = failure(try coordinator.run([task(1, "raise:no such column")]).first)
            #expect(raised?.kind == .exception)
            #expect(raised?.type == "builtins.ValueError")
            #expect(raised?.message == "no such column")
            #expect(raised?.traceback == "Traceback …")
        }
    }

    @Test(arguments: [
        ("abort", "signal 6 (SIGABRT)"), ("kill", "signal 9 (SIGKILL"), ("exit:3", "status 3"),
        ("orphan", "signal 6 (SIGABRT)"), ("cut", "socket to the worker was closed"),
        ("garbage", "socket to the worker was closed or written to"),
    ])
    func aRuntimeThatDiesIsOneTasksFailure(behaviour: String, cause: String) throws {
        try withWorker { _ in
            let before = reply(try coordinator.run([task(1, "pid")]).first)
            let died = failure(try coordinator.run([task(2, behaviour)]).first)
            #expect(died?.kind == .killed)
            #expect(died?.message.contains(cause) == true, "\(died?.message ?? "")")
            #expect((died?.peakMemoryBytes ?? 0) > 1 << 20)
            if behaviour == "abort" { #expect(died?.outputTail == "about to abort") }
            let after = reply(try coordinator.run([task(3, "pid")]).first)
            #expect(after != nil && after != before)
            #expect(try !isAlive(before))
            try coordinator.listen { $0.opened.count == 2 && $0.closed.count == 1 }
            #expect(coordinator.heard.closed == Array(coordinator.heard.opened.prefix(1)))
        }
    }

    /// By the page that they share, or, without it, by running each alone once more.
    @Test(arguments: ["python", "python-without-progress"])
    func amongTinyTasksTheOneThatAbortsIsToBlame(interpreter: String) throws {
        try withWorker(python: WorkerThread.interpreter(interpreter)) { _ in
            try coordinator.run([task(1, "ok")])
            let tasks = (2...40).map { task($0, $0 == 21 ? "abort" : "ok") }
            let results = try coordinator.run(tasks)
            #expect(results.filter { failure($0) != nil }.map(\.attempt.task) == [TaskID(21)])
            #expect(failure(results[19])?.outputTail == "about to abort")
        }
    }

    @Test func aTaskPastItsLimitIsKilledAndTheWorkerGoesOn() throws {
        try withWorker { _ in
            let results = try coordinator.run([task(1, "hang", timeout: 200), task(2, "ok", timeout: 60_000)])
            #expect(failure(results[0])?.kind == .timeout)
            #expect(failure(results[0])?.message.contains("200 ms") == true)
            #expect(failure(results[0])?.outputTail == "hanging")
            #expect(reply(results[1]) != nil)
        }
    }

    @Test func whatRunsAndWhatWaitsCanBeCancelled() throws {
        try withWorker { _ in
            let tasks = [task(1, "hang"), task(2, "ok"), task(3, "ok")]
            try coordinator.send(tasks)
            try coordinator.listen { heard in heard.logs.contains { $0.text.contains("hanging") } }
            try coordinator.send(cancels: [tasks[1].attempt, tasks[0].attempt])
            try coordinator.listen { $0.results.count == 3 }
            let heard = coordinator.heard.results
            #expect(failure(heard[TaskID(1)])?.kind == .cancelled)
            #expect(failure(heard[TaskID(2)])?.kind == .cancelled)
            #expect(reply(heard[TaskID(3)]) != nil)
        }
    }

    @Test func whatIsSentAndCancelledTogetherNeverRuns() throws {
        try withWorker { _ in
            let tasks = [task(1, "hang"), task(2, "pid")]
            try coordinator.send(tasks, cancels: [tasks[0].attempt])
            try coordinator.listen { $0.results.count == 2 }
            #expect(failure(coordinator.heard.results[TaskID(1)])?.kind == .cancelled)
            #expect(reply(coordinator.heard.results[TaskID(2)]) != nil)
            #expect(!coordinator.heard.logs.contains { $0.text.contains("hanging") })
        }
    }

    @Test func behindAnswersThatAreKeptBackWhatRunsIsCancelled() throws {
        try withWorker { _ in
            try coordinator.run([task(1, "ok")])
            let tasks = [task(2, "ok"), task(3, "ok"), task(4, "hang"), task(5, "ok")]
            try coordinator.send(tasks)
            try coordinator.listen { heard in heard.logs.contains { $0.text.contains("hanging") } }
            // 2 and 3 are done and unanswered: not they are killed, nor blamed.
            try coordinator.send(cancels: [tasks[2].attempt])
            try coordinator.listen { $0.results.count == 5 }
            #expect(failure(coordinator.heard.results[TaskID(4)])?.kind == .cancelled)
            for done in [2, 3, 5] { #expect(reply(coordinator.heard.results[TaskID(UInt64(done))]) != nil) }
        }
    }

    @Test func drainingFinishesWhatRunsAndGivesBackTheRest() throws {
        try withWorker { _ in
            try coordinator.send([task(1, "print:begun"), task(2, "hang"), task(3, "ok")])
            try coordinator.listen { heard in heard.logs.contains { $0.text.contains("hanging") } }
            try coordinator.send(drain: true)
            try coordinator.listen { $0.results[TaskID(3)] != nil }
            #expect(failure(coordinator.heard.results[TaskID(3)])?.kind == .cancelled)
            #expect(coordinator.heard.results[TaskID(2)] == nil && !coordinator.heard.saidGoodbye)
            try coordinator.send(cancels: [Attempt(task: TaskID(2), number: 1)])
            try coordinator.listen { $0.results[TaskID(2)] != nil }
        }
    }

    @Test func outputIsPassedOnWithItsTaskAndStream() throws {
        try withWorker { _ in
            try coordinator.run([task(1, "print:Grüße"), task(2, "complain:careful")])
            func written(_ task: UInt64, toErrors: Bool) -> String {
                coordinator.heard.logs.filter { $0.task == TaskID(task) && $0.isErrorStream == toErrors }.map(\.text)
                    .joined()
            }
            try coordinator.listen { _ in
                written(1, toErrors: false) == "Grüße\n" && written(2, toErrors: true) == "careful\n"
            }
            #expect(written(1, toErrors: true).isEmpty && written(2, toErrors: false).isEmpty)
        }
    }

    @Test func aFloodOfOutputIsCutAndStopsNothing() throws {
        try withWorker { _ in
            let results = try coordinator.run([task(1, "flood:8000000"), task(2, "ok")])
            #expect(results.allSatisfy { reply($0) != nil })
            let kept = coordinator.heard.logs.reduce(0) { $0 + $1.text.utf8.count }
            #expect(kept > 1 << 19 && kept < 3 << 20)
        }
    }

    @Test func librariesAreToldHowManyThreadsTheyHave() throws {
        try withWorker { _ in
            let result = try coordinator.run([task(1, "environment:OMP_NUM_THREADS")]).first
            #expect(reply(result) == "3")
        }
    }

    @Test func nativeTasksRunBesidePythonOnes() throws {
        try withWorker(slots: 2) { _ in
            let results = try coordinator.run((1...500).map { native($0) } + [task(501, "ok")])
            #expect(results.allSatisfy { reply($0) != nil })
            let unknown = failure(try coordinator.run([native(600, "missing")]).first)
            #expect(unknown?.kind == .invalid)
            #expect(unknown?.message.contains("missing") == true)
        }
    }

    @Test func manyTinyTasksAreEachAnsweredOnce() throws {
        try withWorker(slots: 2) { _ in
            let results = try coordinator.run((1...3000).map { task($0, "ok") })
            #expect(results.count == 3000 && results.allSatisfy { reply($0) != nil })
        }
    }

    @Test(arguments: [
        ("python-without-package", "ended with status 1 before it was ready"),
        ("no-such-interpreter", "start "),
        ("python-of-another-version", "speaks protocol 2"),
    ])
    func anInterpreterThatDoesNotServeIsNamed(interpreter: String, cause: String) throws {
        try withWorker(python: WorkerThread.interpreter(interpreter)) { _ in
            let results = try coordinator.run([task(1, "ok"), task(2, "ok"), native(3)])
            for result in results.prefix(2) {
                let message = try #require(failure(result)?.message)
                #expect(message.contains(cause) && message.contains(interpreter), "\(message)")
            }
            if interpreter == "python-without-package" {
                #expect(failure(results[0])?.outputTail.contains("No module named anabranch") == true)
            }
            #expect(reply(results[2]) != nil)
        }
    }

    @Test func descriptorsOfDeadRuntimesAreClosed() throws {
        func descriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
        try withWorker { _ in
            try coordinator.run([task(1, "abort")])
            let before = try descriptors()
            for id in 2...41 { try coordinator.run([task(UInt64(id), "abort")]) }
            // A runtime that is just starting has a few; a leak of one at each death would be forty.
            let after = try descriptors()
            #expect(after < before + 20)
        }
    }
}
