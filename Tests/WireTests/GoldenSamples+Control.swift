import AnabranchCore
import PipelineGraph
import Wire

extension GoldenSamples {
    static let graph = Graph(
        name: "flights",
        nodes: [
            Node(
                name: "tree", kind: .or, role: .predictor, payload: inline(50), nativeFunction: "mean",
                nativeParameters: Array("{}".utf8), variantCount: 4, variants: inline(51),
                outputMethod: "predict_proba", fit: .sequential, outOfFoldSplitter: inline(52), inSample: true,
                over: ["partition", "data:carrier"], join: .product, missing: .drop, splits: "month", needsY: true,
                emitsPredictions: true, limits: limits, retries: 2, executor: "python", keepOutput: true),
            Node(name: "vote", kind: .and, role: .function),
        ],
        edges: [Edge(source: NodeIndex(0), target: NodeIndex(1))])

    static let submission = SubmitRun(
        request: RunRequest(
            graph: graph,
            options: RunOptions(
                mode: .crossValidate, onError: .stop, splitter: inline(60), scorers: inline(61),
                returnTrainScore: true, keepModels: true, seed: 7,
                candidates: [Key([Key.Part(.variant("pca"), 1)]) ?? .empty, .empty], maxAttempts: 5,
                keepOutputs: true),
            inputs: [
                NodeIndex(0): [
                    InputEntry(key: key, data: fullData), InputEntry(key: .empty, data: plainData(62)),
                ],
                NodeIndex(1): [],
            ],
            models: [NodeIndex(1): [ModelEntry(key: key, model: inSegment(63))]], name: "nightly"),
        detached: true)

    static let calls = SubmitCalls(
        run: RunID(9),
        calls: [
            Call(
                id: CallID(1), function: .python(function: inline(70), arguments: inline(71)),
                dependencies: [.call(CallID(5)), .object(inSegment(72)), .call(CallID(300))], limits: limits,
                retries: 1, isInPlace: true, worker: WorkerID(12)),
            Call(
                id: CallID(2), function: .native(name: "noop", parameters: Array("{}".utf8)),
                dependencies: [.call(CallID(1))]),
            Call(
                id: CallID(3), function: .native(name: "mean", parameters: []),
                dependencies: [.object(inSegment(73)), .call(CallID(2))]),
        ])

    static let progress = [
        NodeProgress(
            node: NodeIndex(0), planned: 10, isOpen: true, running: 1, succeeded: 2, failed: 3, skipped: 4),
        NodeProgress(node: nil, planned: 1),
    ]

    static let runUpdate = RunUpdate(
        run: RunID(9),
        entries: [
            EntryUpdate(
                entry: EntryID(11), node: NodeIndex(1), phase: .trainScore, key: key, state: .failed,
                model: inSegment(80), output: plainData(81), scores: [Score(name: "r2", value: 1.5)],
                failure: failure, usage: usage, inputs: [EntryID(1), EntryID(2), EntryID(300)],
                modelEntry: EntryID(4), attempts: 2, worker: worker, warnings: ["careful"], isInternal: true,
                earlier: earlier),
            EntryUpdate(entry: EntryID(12), node: nil, phase: .split, key: .empty, state: .succeeded),
        ],
        state: .running, progress: progress, message: "half way")

    static let workerStatus = WorkerStatus(
        worker: worker, host: "node-1", processID: 4711, slots: 4, running: 2, state: .draining, finished: 100,
        labels: ["zone=a", "gpu=0"], executors: ["python", "native"])

    static let status = Status(
        epoch: epoch, workers: [workerStatus],
        runs: [
            RunStatus(
                run: RunID(9), name: "nightly", state: .succeeded, progress: progress, nodes: ["tree", "vote"],
                startedUnixMilliseconds: 1_700_000_000_000, elapsedMilliseconds: 61_234, isSession: true)
        ],
        storeBytes: 1 << 30, storeBudget: 1 << 31, objects: 17, droppedMessages: 1, version: "0.1.0", queued: 5,
        storeHolders: [StoreHolder(name: "scale", bytes: 1 << 29)])

    static let workerHello = WorkerHello(
        instance: 99, lane: "ipc:///dev/shm/anabranch-0-x/lane-63.sock", slots: 2, threadsPerSlot: 3, host: "node-1",
        processID: 4711, store: "/dev/shm/anabranch-0-x", storeIdentity: "0123456789abcdef",
        executors: ["native", "python"],
        labels: ["zone=a"], versions: versions, writers: [writer, WriterID(5)], worker: worker)

    static let toCoordinator: [(String, ToCoordinator.Body)] = [
        ("worker_hello", .workerHello(workerHello)),
        ("worker_goodbye", .workerGoodbye(worker, instance: 99)),
        ("client_hello", .clientHello(ClientHello(versions: versions, writer: writer, name: "notebook"))),
        ("submit_run", .submitRun(submission)),
        ("open_session", .openSession(name: "executor")),
        ("submit_calls", .submitCalls(calls)),
        ("cancel_run", .cancelRun(RunID(9))),
        ("cancel_calls", .cancelCalls(RunID(9), [CallID(1), CallID(200)])),
        ("close_run", .closeRun(RunID(9))),
        ("watch_run", .watchRun(RunID(9))),
        ("describe_run", .describeRun(RunID(9))),
        ("release_objects", .releaseObjects([object(1), object(2)])),
        ("hold_objects", .holdObjects([inSegment(1), inline(2)])),
        ("status", .status(nil)),
        ("drain_worker", .drainWorker(worker)),
        ("logs", .logs(LogsRequest(run: RunID(9), node: "tree"))),
        ("shutdown", .shutdown),
    ]

    static let fromCoordinator: [(String, FromCoordinator.Body)] = [
        ("error", .error(ControlError(code: .invalidGraph, message: "cycle: a, b", node: "a"))),
        ("ok", .ok),
        (
            "worker_welcome",
            .workerWelcome(
                WorkerWelcome(
                    worker: worker, epoch: epoch, inbox: "ipc:///dev/shm/anabranch-0-x/inbox.sock",
                    store: "/dev/shm/anabranch-0-x", heartbeatMilliseconds: 1000, leaseMilliseconds: 10000,
                    inlineThreshold: 4096, storeBudget: 1 << 31))
        ),
        (
            "client_welcome",
            .clientWelcome(
                ClientWelcome(
                    epoch: epoch, store: "/dev/shm/anabranch-0-x", storeIdentity: "0123456789abcdef",
                    inlineThreshold: 4096, storeBudget: 1 << 31,
                    events: "ipc:///dev/shm/anabranch-0-x/events.sock", versions: versions))
        ),
        ("run_accepted", .runAccepted(RunID(9))),
        ("run_update", .runUpdate(runUpdate)),
        (
            "call_results",
            .callResults(
                CallResults(
                    run: RunID(9),
                    results: [
                        CallResult(call: CallID(1), outcome: .value(inline(90)), usage: usage),
                        CallResult(call: CallID(2), outcome: .failure(failure), earlier: earlier),
                    ]))
        ),
        ("status", .status(status)),
        ("logs", .logs(logs)),
        ("release_objects", .releaseObjects([object(3)])),
        (
            "run_description",
            .runDescription(RunDescription(graph: submission.request.graph, mode: .crossValidate))
        ),
    ]

    static let events: [(String, Event.Body)] = [
        ("run_update", .runUpdate(runUpdate)),
        ("worker", .worker(workerStatus)),
        ("log", .log(logs[0])),
    ]
}
