import AnabranchCore
import Wire

extension GoldenSamples {
    static let works: [Work] = [
        .fit(
            FitWork(
                estimator: inline(20), variant: variant, method: .sequential,
                train: Input(form: .list, items: [[fullData], [plainData(2)]]), output: true,
                outputMethod: "predict_proba", seed: 0)),
        .apply(
            ApplyWork(
                model: inSegment(22), input: single(23), output: true, outputMethod: "predict", score: true,
                scorers: inline(24))),
        .combine(
            CombineWork(
                function: inline(25), variant: variant,
                input: Input(form: .edges, items: [[plainData(26), plainData(27)]]), output: true, score: true,
                scorers: inline(28), seed: .max, collectFolds: true)),
        .split(
            SplitWork(
                splitter: inline(29), input: single(30), folds: true, seed: 42, emits: [.fold("cv"), .partition],
                itemKeys: [key, .empty])),
        .call(CallWork(function: inline(31), arguments: inline(32, []), dependencies: [inSegment(33), inline(34)])),
        .native(
            NativeWork(
                function: "mean", parameters: Array(#"{"axis":0}"#.utf8), input: single(35),
                arguments: [inSegment(36)], output: true)),
    ]

    static let tasks: [TaskAssignment] = [
        task(1, run: 7, node: "tree", key: key, limits: limits, works[0]),
        task(2, attempt: 2, run: 7, node: "tree", keeps: true, works[1]),
        task(3, run: 7, node: "vote", works[2]),
        task(4, run: 7, node: "", works[3]),
        task(5, run: 8, node: "call", works[4]),
        task(1 << 40, run: 8, node: "mean", works[5]),
    ]

    private static func task(
        _ id: UInt64, attempt: UInt32 = 1, run: UInt64, node: String, key: Key = .empty, limits: Limits = Limits(),
        keeps: Bool = false, _ work: Work
    ) -> TaskAssignment {
        TaskAssignment(
            attempt: Attempt(task: TaskID(id), number: attempt), run: RunID(run), node: node, key: key,
            limits: limits, keepsOutput: keeps, keepsModel: keeps, work: work)
    }

    static let results: [TaskResult] = [
        TaskResult(
            attempt: Attempt(task: TaskID(1), number: 1),
            outcome: .success(
                Success(
                    model: inSegment(40), output: fullData,
                    parts: [
                        SplitPart(labels: Array(parts[..<1]), train: plainData(41), test: plainData(42)),
                        SplitPart(labels: [], train: plainData(43)),
                    ],
                    scores: [Score(name: "accuracy", value: 0.1), Score(name: "loss", value: -0.5)],
                    value: inline(44), warnings: ["ConvergenceWarning: no", ""])),
            usage: usage, holder: writer, held: [object(1), object(2)]),
        TaskResult(attempt: Attempt(task: TaskID(2), number: 3), outcome: .failure(failure)),
        TaskResult(attempt: Attempt(task: TaskID(3), number: 1), outcome: .success(Success())),
    ]

    static let taskBatch = TaskBatch(
        epoch: epoch, worker: worker, tasks: tasks, cancels: [attempt], releases: [object(1)], drain: true, number: 300)

    static let resultBatch = ResultBatch(
        epoch: epoch, worker: worker, results: results,
        heartbeat: Heartbeat(running: [attempt], idleSlots: 1, droppedMessages: 3, lastBatch: 299),
        released: [HeldReleased(holder: writer, objects: [object(5)])], writersOpened: [writer, WriterID(1)],
        writersClosed: [WriterID(2)], logs: logs, started: [attempt],
        waiting: [attempt])

    static let toRuntime = ToRuntime(
        setup: RuntimeSetup(
            storePath: "/dev/shm/anabranch-0-x", writer: writer, slot: 1, threads: 2, inlineThreshold: 4096,
            storeBudget: 1 << 31, systemPath: ["", "/home/u/project"], workingDirectory: "/home/u/project",
            memoryBytes: 1 << 32, address: "ipc:///run/control.sock"),
        tasks: tasks, releases: [object(1)], cancels: [attempt])

    static let fromRuntime = FromRuntime(
        hello: RuntimeHello(versions: versions, processID: 4712), results: results, released: [object(4)],
        started: attempt, loaded: ["numpy", "sklearn.tree"], waiting: attempt, resumed: attempt)
}
